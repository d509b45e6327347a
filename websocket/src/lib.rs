//! MQTT's bytes in WebSocket frames (RFC 6455; MQTT 5, section 6), for both ends.
//!
//! Promise
//! * [`ByteStream`] is `AsyncRead` and `AsyncWrite`: whoever speaks MQTT over TCP speaks it over this unchanged. Packets need not
//!   begin or end where frames do.
//! * Memory: one message of at most the limit that was set, and one frame of at most 64 KiB that the peer does not take. A longer
//!   message is refused by its header, before any of it is kept.
//! * A text frame, a broken frame or a message that is too long is an error that says so ([`Violation`]); the Close frame of the
//!   shutdown carries the code for it.
//! * Pings are answered while the stream is read.
//!
//! Not promised: one stream in two tasks. Reading writes too (Pong), and only the task that polled last is woken.
//!
//! The protocol itself is `tungstenite`'s, which nothing else here names.

mod ask;
mod now;
mod stream;
mod upgrade;

pub use ask::{Asked, NotUpgraded, ask};
pub use stream::{ByteStream, CloseCode, Violation};
pub use upgrade::{NoUpgrade, answer};

/// The subprotocol of MQTT in every version (MQTT 5, 6).
pub const SUBPROTOCOL: &str = "mqtt";
