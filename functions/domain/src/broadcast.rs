//! One command to many devices, step by step.
//!
//! Promise: each device that matches is tried once, or again under the same command id after a driver died; two drivers
//! never send the same step. Whoever drives takes a lease, sends, and writes counts and cursor in one conditional put.
//! Not promised: devices that are created, or whose metadata change, while it runs.
//!
//! | file | holds |
//! | --- | --- |
//! | `book` | creating, listing, cancelling; leases |

mod book;

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::RegistryName;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::command::TimeOrderedId;
use crate::device::Device;

pub use book::{Book, Lease, NewBroadcast, forget, parent};

/// Devices sent to per second and step, unless told otherwise.
pub const DEFAULT_PER_SECOND: u32 = 100;
/// The most that one step sends.
pub const MAX_PER_SECOND: u32 = 500;
/// Broadcasts kept per registry, running ones included.
pub const MAX_BROADCASTS: usize = 100;
/// How long a broadcast is kept from its creation, finished or not. After that it cannot go on.
pub const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A step begins no delivery after this long; the last may take the 30 s of a PUBACK.
pub const STEP_LASTS: Duration = Duration::from_secs(20);
/// A lease older than this is of a driver that died: longer than a step and its last delivery.
pub const LEASE_LAPSES: Duration = Duration::from_secs(90);

/// How far a broadcast got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BroadcastState {
    /// There are devices left.
    Running,
    /// Every device was tried.
    Done,
    /// It was cancelled.
    Canceled,
}

impl BroadcastState {
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Done => "DONE",
            Self::Canceled => "CANCELED",
        }
    }
}

/// How one device was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It sent its PUBACK.
    Acknowledged,
    /// Written to its connection at QoS 0.
    Delivered,
    /// It waits for the device.
    Queued,
    /// The device is not connected or not subscribed, and there is no `ttl`.
    NotConnected,
    /// Anything else.
    Failed,
}

/// Devices, by what became of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Tried so far: the sum of the others.
    pub matched: u64,
    /// PUBACK came.
    pub acknowledged: u64,
    /// Written at QoS 0.
    pub delivered: u64,
    /// Waits for the device, when its step ended.
    pub queued: u64,
    /// Not connected or not subscribed, and there is no `ttl`.
    pub not_connected: u64,
    /// No PUBACK in time, refused, its queue full, or a failure of ours.
    pub failed: u64,
}

impl Counts {
    /// Counts one device.
    pub fn add(&mut self, reached: Reached) {
        self.matched += 1;
        let count = match reached {
            Reached::Acknowledged => &mut self.acknowledged,
            Reached::Delivered => &mut self.delivered,
            Reached::Queued => &mut self.queued,
            Reached::NotConnected => &mut self.not_connected,
            Reached::Failed => &mut self.failed,
        };
        *count += 1;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            matched: self.matched + other.matched,
            acknowledged: self.acknowledged + other.acknowledged,
            delivered: self.delivered + other.delivered,
            queued: self.queued + other.queued,
            not_connected: self.not_connected + other.not_connected,
            failed: self.failed + other.failed,
        }
    }
}

/// A broadcast, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broadcast {
    /// Last segment of its name, and the id of its command at every device.
    pub id: TimeOrderedId,
    /// Subfolder of the commands topic, empty when none.
    pub subfolder: String,
    /// Payload; empty once the broadcast is over.
    #[serde(with = "crate::base64_bytes")]
    pub data: Vec<u8>,
    /// How long the command may wait for a device that is away; `None`: not at all.
    pub ttl: Option<Duration>,
    /// Metadata that a device must have, all of them; none: every device.
    pub labels: BTreeMap<String, String>,
    /// Devices a step sends to; a second lies between the starts of full steps.
    pub per_second: u32,
    /// How far it got.
    pub state: BroadcastState,
    /// What became of it so far.
    pub counts: Counts,
    /// Why the last device failed that did.
    pub last_error: Option<String>,
    /// Key of the last device looked at.
    pub cursor: Option<String>,
    /// When it was created.
    pub create_time: Timestamp,
    /// No step starts before.
    pub next_step_time: Timestamp,
    /// Who takes a step now: a random number, and until when that counts.
    pub lease: Option<(u64, Timestamp)>,
    /// When it was over.
    pub finish_time: Option<Timestamp>,
}

impl Broadcast {
    /// Whether the command is for this device.
    pub fn matches(&self, device: &Device) -> bool {
        self.labels.iter().all(|(key, value)| device.metadata.get(key) == Some(value))
    }

    /// Its key and name.
    pub fn name(registry: &RegistryName, id: &TimeOrderedId) -> String {
        format!("{registry}/broadcasts/{id}")
    }

    fn finished(self, state: BroadcastState, now: Timestamp) -> Self {
        Self { state, data: Vec::new(), lease: None, finish_time: Some(now), ..self }
    }
}

/// What one step did.
#[derive(Debug, Clone, Default)]
pub struct Stepped {
    /// What became of the command at the devices of this step.
    pub counts: Counts,
    /// Why the last device failed that did.
    pub last_error: Option<String>,
    /// Key of the last device looked at; `None` when none was.
    pub cursor: Option<String>,
    /// Whether that was the last of all.
    pub at_end: bool,
}
