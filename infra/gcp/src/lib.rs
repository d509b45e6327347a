//! Adapters for Google Cloud: records in Firestore, Pub/Sub, objects in Cloud Storage, access tokens for
//! devices and the keys that vouch for them. Without the feature `full`: neither records nor keys.

mod endpoint;
#[cfg(feature = "full")]
pub mod firestore;
pub mod objects;
pub mod publisher;
#[cfg(feature = "full")]
pub mod signing_keys;
pub mod tokens;

pub use endpoint::{Endpoint, ExternalAccount, NotExternalAccount};
#[cfg(feature = "full")]
pub use firestore::{Database, firestore_stores};
pub use objects::CloudObjects;
pub use publisher::{Ordering, PubSub};
#[cfg(feature = "full")]
pub use signing_keys::{CloudSigningKeys, KeysAt};
pub use tokens::{GoogleTokens, TokenEndpoints};
