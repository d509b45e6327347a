//! What device and cloud say to each other: names, topics, claims, messages, limits. No I/O, no async.
//!
//! Source of every rule: the Cloud IoT Core surface as recorded in `docs/compatibility.md`.

pub mod claims;
pub mod exposition;
pub mod keys;
pub mod limits;
pub mod messages;
pub mod names;
pub mod topics;

pub use claims::DeviceClaims;
pub use keys::pkcs8_of_sec1;
pub use messages::{ReadingId, SERVER_TIME_PROPERTY, attribute};
pub use names::{DeviceId, DeviceName, DeviceRef, Location, NameError, ProjectId, RegistryId, RegistryName, TopicName};
pub use topics::{PublishTopic, Subfolder, SubscribeTopic, TopicError};
