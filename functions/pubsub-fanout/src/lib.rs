//! One device event to every topic its registry routes it to, and a device's state to its record.
//!
//! Promise: an answer of `Ok` means that every topic of the event has it (invariant 4). A route marked `fan_out`
//! that fails fails the event: the device resends, other topics see a duplicate, none misses it.
//!
//! [`FanOut`] is the use case, shared by the MQTT bridge and the HTTP bridge; [`routes`] and [`router`] are the latter.
//! Costs per event: no read; a write only when the last-seen time is due.

mod attributes;
mod complaint;
pub mod device_log;
mod error;
mod event;
mod fanout;
mod http;

pub use complaint::{COMPLAINT_EVERY, Complaint};
pub use error::EventError;
pub use event::{Event, Speaker};
pub use fanout::FanOut;
pub use http::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS, router, routes};
