//! Adapters for one machine: records in sled or in memory, a topic log on disk, the system clock, a local
//! certificate authority, objects in a folder, signing keys in a file, a stand-in for Google's token services. No cloud account, nothing to install.

pub mod certificate_authority;
pub mod clock;
pub mod google_apis;
pub mod objects;
pub mod records;
pub mod security_token_service;
pub mod signing_keys;
pub mod topic_log;

pub use clock::SystemClock;
pub use google_apis::GoogleApis;
pub use objects::FolderObjects;
pub use records::{memory_stores, sled_stores};
pub use security_token_service::SecurityTokenService;
pub use signing_keys::FileSigningKeys;
pub use topic_log::{TopicLog, TopicReader};
