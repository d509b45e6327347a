//! Adapters for Google Cloud: Pub/Sub, and access tokens for devices.

pub mod publisher;
pub mod tokens;

pub use publisher::{Endpoint, Ordering, PubSub};
pub use tokens::{GoogleTokens, TokenEndpoints};
