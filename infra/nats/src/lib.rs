//! # The command bus: core NATS between the functions and the bridge nodes
//!
//! A device's live session is on one of several nodes. `command.<device>` reaches it as a request whose reply carries the
//! device's own answer; `config.<device>` says that its records changed; `taken.<device>` lets the newest connection win.
//! There is no directory: a session subscribes while it lives, and a request to nobody is answered by the server at once
//! ("no responders"). Core NATS only: nothing is stored, so nothing comes late.
//!
//! Promises
//! * A session that was let in is reachable: its subscription is known to the server before [`Presence::enter`] answers.
//! * Nothing waits for a bus that is down: commands fail at once, hints too, connects and telemetry never ask.
//! * A command that reaches a node as its session ends, or after it, is answered "not connected" at once. Only what goes with a
//!   node that is killed, or is between two servers of a cluster in that moment, has no answer: the caller asks each second
//!   whether anybody is still there, and then says that the device may have it.
//! * A command never reaches a device after its caller gave up, however long it lay in a buffer.
//! * When the bus is back, every session is subscribed and announced again, those that came meanwhile too.
//!
//! Not promised: two sessions of one device may live until the bus is back, or, when the clocks of two nodes differ, until
//! the older of the two ends; commands then go to both and the first answer counts.
//!
//! | file | holds |
//! | --- | --- |
//! | `options`, `bus` | where the servers are; the connection and whether it is up |
//! | `subject`, `wire` | names and bytes on the bus |
//! | `commands` | the side of the functions: [`CommandChannel`](domain::ports::CommandChannel) |
//! | `presence` | the side of the nodes: [`Presence`](domain::ports::Presence) |
//! | `counters` | what was counted |
//!
//! [`Presence::enter`]: domain::ports::Presence::enter

mod bus;
mod commands;
mod counters;
mod options;
mod presence;
mod subject;
mod wire;

pub use bus::Nats;
pub use commands::MARGIN;
pub use counters::Snapshot;
pub use options::{NatsError, Options};
