//! Cloud IoT v1: registries and devices over REST. Commands and new configurations go by the function `command-relay`.
//!
//! | file | holds |
//! | --- | --- |
//! | `http/` | where each method is bound, and how a request becomes a call |
//! | `registries`, `devices/`, `gateways`, `policies` | the methods themselves: domain in, domain out, [`domain::DomainError`] |
//! | `convert/` | API messages to domain values and back |
//! | `mask` | field masks |
//! | `pb`, `timestamp` | the API's messages, generated from `proto/` |
//!
//! Promise: of two creations of the same name exactly one succeeds; a device that is created anew shows nothing of an
//! older device of the same id; a crash at any point leaves no device without its number, and no number that names
//! another device (`devices/create`, `devices/delete` say in which order).

mod convert;
mod deps;
mod devices;
mod gateways;
mod http;
mod mask;
pub mod pb;
mod policies;
mod registries;
mod timestamp;

pub use deps::Deps;
pub use http::{router, routes};
pub use timestamp::Timestamp;
