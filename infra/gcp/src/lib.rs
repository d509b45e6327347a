//! Adapters for Google Cloud: Pub/Sub.

pub mod publisher;

pub use publisher::{Endpoint, Ordering, PubSub};
