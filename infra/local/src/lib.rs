//! Adapters for one machine: records in sled or in memory, a topic log on disk, the system clock, a local
//! certificate authority, objects in a folder, signing keys in a file, a stand-in for Google's token services. No cloud account, nothing to install.
//!
//! Without the feature `full`: the clock and the records in memory alone.

#[cfg(feature = "full")]
pub mod certificate_authority;
pub mod clock;
#[cfg(feature = "full")]
pub mod google_apis;
#[cfg(feature = "full")]
pub mod objects;
pub mod records;
#[cfg(feature = "full")]
pub mod security_token_service;
#[cfg(feature = "full")]
pub mod signing_keys;
#[cfg(feature = "full")]
pub mod topic_log;

pub use clock::SystemClock;
#[cfg(feature = "full")]
pub use google_apis::GoogleApis;
#[cfg(feature = "full")]
pub use objects::FolderObjects;
pub use records::memory_stores;
#[cfg(feature = "full")]
pub use records::sled_stores;
#[cfg(feature = "full")]
pub use security_token_service::SecurityTokenService;
#[cfg(feature = "full")]
pub use signing_keys::FileSigningKeys;
#[cfg(feature = "full")]
pub use topic_log::{TopicLog, TopicReader};
