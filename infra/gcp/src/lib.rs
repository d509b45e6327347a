//! Adapters for Google Cloud: records in Firestore, Pub/Sub, objects in Cloud Storage, and access tokens for devices.

pub mod firestore;
pub mod objects;
pub mod publisher;
pub mod tokens;

pub use firestore::{Database, firestore_stores};
pub use objects::CloudObjects;
pub use publisher::{Endpoint, Ordering, PubSub};
pub use tokens::{GoogleTokens, TokenEndpoints};
