//! What the cloud side needs from outside. `Ok` answers the question, whatever the answer;
//! `Err` is always about us. No call blocks longer than the adapter's own time limit.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use protocol::TopicName;

use crate::broadcast::Broadcast;
use crate::command::CommandRecord;
use crate::config::ConfigHistory;
use crate::device::{Device, DeviceKey};
use crate::gateway::Binding;
use crate::iam::Policy;
use crate::issued_token::IssuedToken;
use crate::message::Message;
use crate::objects::{Download, Folder, ObjectInfo, ObjectName, Upload, Uploaded};
use crate::registry::Registry;
use crate::state::StateHistory;
use crate::status::DeviceStatus;
use crate::token::{AccessToken, Issued, PublicJwk, Scope, Secret, ServiceAccount};
use crate::{DomainError, PortError, Timestamp};

/// A record and the version it was read at. Versions are opaque and never repeat for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// What is stored.
    pub value: T,
    /// The version to expect in the next `put`.
    pub version: u64,
}

/// What a write demands of the record it replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// There must be none.
    Absent,
    /// It must be at this version.
    Version(u64),
    /// Nothing: the last writer wins.
    Anything,
}

/// How a conditional write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is durable, at this version.
    Stored(u64),
    /// The record was not as expected; nothing was written.
    Conflict,
}

/// One page of a listing, in key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// Keys with their records.
    pub items: Vec<(String, Versioned<T>)>,
    /// Pass as `after` for the next page; `None` at the end.
    pub next: Option<String>,
}

/// Versioned records of one kind. A write that was answered survives a kill and a power cut.
#[async_trait]
pub trait Records<T: Send + Sync>: Send + Sync {
    /// The record at `key`, or `None`.
    async fn get(&self, key: &str) -> Result<Option<Versioned<T>>, PortError>;
    /// Writes if the record is as expected.
    async fn put(&self, key: &str, value: &T, expect: Expect) -> Result<Written, PortError>;
    /// Removes if the record is as expected. Removing nothing with [`Expect::Anything`] is `Stored(0)`.
    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError>;
    /// At most `limit` records whose keys start with `prefix` and come after `after`.
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<T>, PortError>;
}

/// Takes messages for topics: Pub/Sub, or the topic log on disk.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// One answer per message, in order: the server's message id once the message is safe there, or the error.
    async fn publish(&self, topic: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>>;
}

/// A command for a device's live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Of a command that may come more than once; travels as the MQTT 5 user property `commandId`.
    pub id: Option<String>,
    /// Subfolder of the commands topic, empty when none.
    pub subfolder: String,
    /// Payload, at most 64 KiB.
    pub data: bytes::Bytes,
}

/// What became of a command. All of these are answers, not errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The device sent its PUBACK (QoS 1).
    Acknowledged,
    /// It was written to the device's connection at QoS 0; nothing more can be known.
    Delivered,
    /// Not sent: the device has no live session.
    NotConnected,
    /// Not sent: the device is connected but did not subscribe to its commands.
    NotSubscribed,
    /// Not sent: the device has as many unacknowledged as it, or the bridge, takes at once.
    Busy,
    /// Sent, and no acknowledgement came in time.
    TimedOut,
    /// The session ended with the command in hand: the device may have it.
    Lost,
    /// The device refused it: by its PUBACK's reason code, or by its maximum packet size (MQTT 5).
    Refused,
}

/// Reaches a device's live session, on whichever node it is.
#[async_trait]
pub trait CommandChannel: Send + Sync {
    /// Whether a device of this name can have a session at all: the error names the value and the limit. Asks nobody.
    fn check(&self, _device: &DeviceKey) -> Result<(), DomainError> {
        Ok(())
    }
    /// Delivers a command and waits for the device's acknowledgement.
    async fn deliver(&self, device: &DeviceKey, command: Command) -> Result<Delivery, PortError>;
    /// Says that the device's records changed: its session re-reads configuration, credentials and `blocked`.
    /// A lost hint loses nothing: the next SUBSCRIBE or token check reads the records.
    async fn hint(&self, device: &DeviceKey) -> Result<(), PortError>;
}

/// A device's live session on this node, as the other nodes may reach it.
#[async_trait]
pub trait LiveSession: Send + Sync {
    /// As [`CommandChannel::deliver`], to this session; `NotConnected` once it has ended.
    async fn deliver(&self, command: Command) -> Result<Delivery, PortError>;
    /// As [`CommandChannel::hint`].
    fn hint(&self);
    /// Ends it: a newer connection of its device came in on another node.
    fn take_over(&self);
}

/// Tells the other nodes which sessions live on this one. Never fails: what cannot be told now is told later.
#[async_trait]
pub trait Presence: Send + Sync {
    /// A session of `device` begins here: older ones on other nodes end, and it is reachable from everywhere until the
    /// answer is dropped. Answers once it is reachable, or within half a second that it will be.
    async fn enter(&self, device: &DeviceKey, session: Arc<dyn LiveSession>) -> Box<dyn Send + Sync>;
}

/// Gives access tokens of the cloud to who can show a token of ours: Google STS and IAM Credentials, or their stand-in.
/// `Ok` is the issuer's word, a refusal included; `Err` says that it could not be had. Answers within 15 seconds.
#[async_trait]
pub trait TokenIssuer: Send + Sync {
    /// Whom a subject token must be for: its `aud`.
    fn audience(&self) -> &str;
    /// A federated token for a device that `subject`, a JWT of ours, names.
    async fn exchange(&self, subject: &Secret, scope: &Scope) -> Result<Issued, PortError>;
    /// A token of a service account, for the holder of a federated token.
    async fn impersonate(&self, federated: &AccessToken, account: &ServiceAccount, scope: &Scope) -> Result<Issued, PortError>;
    /// The same as `token`, but in Cloud Storage nothing outside of `folders`, and nothing in other services.
    async fn downscope(&self, token: &AccessToken, folders: &[Folder]) -> Result<Issued, PortError>;
}

/// The keys we sign subject tokens with (ES256). A key is published before it signs and for as long as what it signed counts.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// The key that signs now.
    async fn current(&self) -> Result<PublicJwk, PortError>;
    /// All keys to publish: the one that signs, the next if there is one, and those before.
    async fn published(&self) -> Result<Vec<PublicJwk>, PortError>;
    /// The signature of `message` by the key `kid`: 64 bytes, `r` and `s` (RFC 7518, section 3.4).
    async fn sign(&self, kid: &str, message: &[u8]) -> Result<Vec<u8>, PortError>;
}

/// Files of devices: Cloud Storage, or a folder. Names are checked before they come here; who may touch them is too.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// What stands at `name` now; `None` when nothing does.
    async fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>, PortError>;
    /// The bytes `range` (from the first to before the last, within its size) of one generation, never all in memory.
    /// `None` when that generation is no longer there.
    async fn open(&self, name: &ObjectName, generation: u64, range: Range<u64>) -> Result<Option<Download>, PortError>;
    /// A URL by which whoever has it may read that generation for so long; `None` from a store that cannot sign.
    async fn sign(&self, name: &ObjectName, generation: u64, valid_for: Duration) -> Result<Option<String>, PortError>;
    /// Takes `content` as the object's next generation: visible whole or not at all, durable once answered `Stored`.
    /// With `crc32c`, only if it is that of the bytes that arrived.
    async fn write(&self, name: &ObjectName, content: Upload, crc32c: Option<u32>) -> Result<Uploaded, PortError>;
}

/// The time. Tests own it.
pub trait Clock: Send + Sync {
    /// Now, by the server's clock.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable numbers, uniform over all of `u64`.
pub type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The record stores of the registry, one per kind.
#[derive(Clone)]
pub struct Stores {
    /// By registry name.
    pub registries: Arc<dyn Records<Registry>>,
    /// By device key.
    pub devices: Arc<dyn Records<Device>>,
    /// By device number, in decimal: the key of the device that has it.
    pub device_numbers: Arc<dyn Records<DeviceKey>>,
    /// By device key: the versions kept.
    pub configs: Arc<dyn Records<ConfigHistory>>,
    /// By device key: the states kept.
    pub states: Arc<dyn Records<StateHistory>>,
    /// By device key: last-seen times and the last error.
    pub statuses: Arc<dyn Records<DeviceStatus>>,
    /// By name, the device being its number: commands that may wait.
    pub commands: Arc<dyn Records<CommandRecord>>,
    /// By name: commands to many devices.
    pub broadcasts: Arc<dyn Records<Broadcast>>,
    /// By gateway and device, and by device and gateway: which devices a gateway may speak for (`crate::gateway`).
    pub bindings: Arc<dyn Records<Binding>>,
    /// By the SHA-256 of a token: whose it is.
    pub issued_tokens: Arc<dyn Records<IssuedToken>>,
    /// By registry name, and by that and a group's number: who may do what there ([`crate::iam::PolicyOf`]).
    pub policies: Arc<dyn Records<Policy>>,
}
