//! Commands that wait for a device that is offline.
//!
//! Promise: a command that was taken is sent, in the order of the ids, one at a time, until the device has it or its time
//! is over; its state never says more than is known. Not promised: exactly once. A deliverer that dies, or a PUBACK that
//! is lost, brings the command again, under the same id.
//!
//! A record's key is its name, with the device's number: a device that is made anew under an old id finds none of them.
//!
//! | file | holds |
//! | --- | --- |
//! | `id` | ids whose order is that of time |
//! | `queue` | taking, listing, cancelling; the caps |
//! | `drain` | who may send what, and what became of it |

mod drain;
mod id;
mod queue;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::device::{Device, DeviceKey};
use crate::{Timestamp, ports};

pub use drain::Drained;
pub use id::TimeOrderedId;
pub(crate) use queue::bad_ttl;
pub use queue::{NewCommand, Queue, check, forget};

/// Longest `ttl`: 7 days. A device that is away for longer is better told by a configuration.
pub const MAX_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Commands that wait for one device. One more is refused.
pub const MAX_WAITING: usize = 100;
/// How long the record of a command is kept once it is over.
pub const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Records of commands that are over, per device. Past it the oldest go before [`KEPT_FOR`] has passed.
pub const MAX_FINISHED: usize = 100;
/// A claim older than this is of a deliverer that died: twice the 30 s that a bridge waits for a PUBACK.
pub const CLAIM_LAPSES: Duration = Duration::from_secs(60);

/// How far a command got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandState {
    /// It waits to be sent, for the first time or again.
    Queued,
    /// Somebody sends it now.
    Sent,
    /// It was written to the device's connection at QoS 0; nothing more can be known.
    Delivered,
    /// The device sent its PUBACK.
    Acknowledged,
    /// Its time was over first. The device may have got it, if `attempts` is not 0.
    Expired,
    /// It was cancelled. The device may have got it, if `attempts` is not 0.
    Canceled,
    /// The device refused it (MQTT 5).
    Failed,
}

impl CommandState {
    /// Whether it can still be sent.
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Queued | Self::Sent)
    }
    /// As the API spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Sent => "SENT",
            Self::Delivered => "DELIVERED",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Expired => "EXPIRED",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
        }
    }
}

/// A command that may wait, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandRecord {
    /// Last segment of its name.
    pub id: TimeOrderedId,
    /// Subfolder of the commands topic, empty when none.
    pub subfolder: String,
    /// Payload; empty once the command is over.
    #[serde(with = "crate::base64_bytes")]
    pub data: Vec<u8>,
    /// Bytes of the payload, before and after it is dropped.
    pub size: usize,
    /// How far it got, when this was written.
    pub state: CommandState,
    /// When the cloud took it.
    pub create_time: Timestamp,
    /// It is not sent after this.
    pub expire_time: Timestamp,
    /// When it was last sent, or tried to while `Sent`.
    pub send_time: Option<Timestamp>,
    /// How often the device may have got it.
    pub attempts: u32,
    /// When it was over.
    pub finish_time: Option<Timestamp>,
}

/// What may be done with a record now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It may be sent.
    Ready,
    /// Somebody sends it.
    Claimed,
    /// Its time is over and the record does not say so yet.
    Lapsed,
    /// It is over.
    Finished,
    /// It is over, and kept long enough.
    Stale,
}

impl CommandRecord {
    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        let finished = self.finish_time.unwrap_or(self.expire_time);
        let claimed = self.state == CommandState::Sent && self.send_time.is_some_and(|sent| now.since(sent) < CLAIM_LAPSES);
        match () {
            () if !self.state.is_waiting() && now.since(finished) >= KEPT_FOR => Standing::Stale,
            () if !self.state.is_waiting() => Standing::Finished,
            () if claimed => Standing::Claimed,
            () if now >= self.expire_time => Standing::Lapsed,
            () => Standing::Ready,
        }
    }

    /// The record as it is now, by the clock: one whose time is over is expired, whoever has noted that.
    pub fn at(self, now: Timestamp) -> Self {
        match self.standing(now) {
            Standing::Lapsed => {
                let expired = self.expire_time;
                self.finished(CommandState::Expired, expired)
            }
            // A claim that lapsed waits to be sent again.
            Standing::Ready => Self { state: CommandState::Queued, ..self },
            Standing::Claimed | Standing::Finished | Standing::Stale => self,
        }
    }

    pub(crate) fn claimed(&self, now: Timestamp) -> Self {
        Self { state: CommandState::Sent, send_time: Some(now), attempts: self.attempts.saturating_add(1), ..self.clone() }
    }

    /// As it was before a claim that sent nothing.
    pub(crate) fn unsent(self) -> Self {
        Self { state: CommandState::Queued, ..self }
    }

    /// Over: the payload goes.
    pub(crate) fn finished(self, state: CommandState, now: Timestamp) -> Self {
        Self { state, data: Vec::new(), finish_time: Some(now), ..self }
    }

    fn command(&self) -> ports::Command {
        ports::Command { id: Some(self.id.to_string()), subfolder: self.subfolder.clone(), data: self.data.clone().into() }
    }
}

/// Whose queue: the key reaches the session, the number names the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The device.
    pub key: DeviceKey,
    /// Its number.
    pub num_id: u64,
}

impl Recipient {
    /// What every key of its queue starts with.
    pub fn parent(&self) -> String {
        format!("{}/devices/{}/commands/", self.key.registry, self.num_id)
    }
    /// Key and name of one of its commands.
    pub fn name(&self, id: &TimeOrderedId) -> String {
        format!("{}{id}", self.parent())
    }
}

impl From<&Device> for Recipient {
    fn from(device: &Device) -> Self {
        Self { key: device.key.clone(), num_id: device.num_id }
    }
}
