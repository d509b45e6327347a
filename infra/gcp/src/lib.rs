//! Adapters for Google Cloud: records in Firestore, Pub/Sub, objects in Cloud Storage, access tokens for
//! devices and the keys that vouch for them.

mod endpoint;
pub mod firestore;
pub mod objects;
pub mod publisher;
pub mod signing_keys;
pub mod tokens;

pub use endpoint::{Endpoint, ExternalAccount, NotExternalAccount};
pub use firestore::{Database, firestore_stores};
pub use objects::CloudObjects;
pub use publisher::{Ordering, PubSub};
pub use signing_keys::{CloudSigningKeys, KeysAt};
pub use tokens::{GoogleTokens, TokenEndpoints};
