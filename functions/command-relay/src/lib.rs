//! Commands and configuration to devices: at once, when the device is back, or to many devices.
//!
//! | file | holds |
//! | --- | --- |
//! | `http/` | where each method is bound, and how a request becomes a call |
//! | `body`, `view` | what is sent, and how records are answered |
//! | `step` | one step of a broadcast |
//!
//! Promise: `sendCommandToDevice` without `ttl` answers OK only when the device has the command: after its PUBACK, or, at
//! QoS 0, once it was written to the connection. With `ttl` it answers when the command is durable and was tried once. The
//! rules of queues and broadcasts stand in `domain::command` and `domain::broadcast`.

mod body;
mod deps;
mod http;
mod step;
mod view;

pub use deps::Deps;
pub use http::{router, routes};
