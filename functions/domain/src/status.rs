//! Last-seen times and the last error of a device, written seldom so that telemetry costs no write.
//!
//! Promise: a time is written at the latest 15 minutes after the one before it; an error of an authenticated
//! device is written at once. Not promised: that a time is exact, or that a refusal of a stranger who names the
//! device, or an error that comes with each message, is written more than once in 10 seconds (else anybody could make
//! the store write).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::DeviceId;
use serde::{Deserialize, Serialize};

use crate::device::DeviceKey;
use crate::ports::{Clock, Expect, Stores, Written};
use crate::{PortError, Timestamp};

/// At most one last-seen write per device and this long (DESIGN, section 6).
pub const LAST_SEEN_EVERY: Duration = Duration::from_secs(15 * 60);
/// At most one write of an unauthenticated refusal per device and this long.
pub const STRANGER_ERROR_EVERY: Duration = Duration::from_secs(10);
/// At most one write of an error that comes with each message, per device and this long: as often as a device that our bridge
/// disconnects for it would be back.
pub const REPEATED_ERROR_EVERY: Duration = Duration::from_secs(10);
/// Devices whose last writes are remembered: 100,000 entries of about 150 bytes. Past it all are forgotten
/// (and counted), which costs one early write per device.
const REMEMBERED: usize = 100_000;

/// `google.rpc.Status` in a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorStatus {
    /// A `google.rpc.Code` number.
    pub code: i32,
    /// What happened, for people.
    pub message: String,
}

/// What is known of a device's last doings. All times by the cloud's clock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Last MQTT PINGREQ.
    pub last_heartbeat: Option<Timestamp>,
    /// Last telemetry event.
    pub last_event: Option<Timestamp>,
    /// Last state report.
    pub last_state: Option<Timestamp>,
    /// Last configuration acknowledged.
    pub last_config_ack: Option<Timestamp>,
    /// Last configuration sent.
    pub last_config_send: Option<Timestamp>,
    /// When the last error happened.
    pub last_error_time: Option<Timestamp>,
    /// The last error.
    pub last_error: Option<ErrorStatus>,
    /// The id of the gateway it last came through.
    #[serde(default)]
    pub last_gateway: Option<DeviceId>,
    /// When it last came through it.
    #[serde(default)]
    pub last_gateway_time: Option<Timestamp>,
}

/// What a device was seen doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seen {
    /// PINGREQ.
    Heartbeat,
    /// A telemetry event.
    Event,
    /// A state report.
    State,
    /// A configuration acknowledged.
    ConfigAck,
    /// A configuration sent.
    ConfigSend,
}

/// Writes statuses for one process.
pub struct StatusBook {
    stores: Stores,
    clock: Arc<dyn Clock>,
    written: Mutex<HashMap<(DeviceKey, Option<Seen>), Timestamp>>,
    forgotten: AtomicU64,
}

impl StatusBook {
    /// A book over `stores`.
    pub fn new(stores: Stores, clock: Arc<dyn Clock>) -> Self {
        Self { stores, clock, written: Mutex::default(), forgotten: AtomicU64::new(0) }
    }

    /// How often the memory of last writes was full and emptied.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Notes that the device was seen; writes at most once in [`LAST_SEEN_EVERY`]. Configuration and state, which
    /// write records of their own anyhow, are always written.
    pub async fn seen(&self, device: &DeviceKey, what: Seen) -> Result<(), PortError> {
        let always = matches!(what, Seen::State | Seen::ConfigAck | Seen::ConfigSend);
        if !always && !self.is_due(device, Some(what), LAST_SEEN_EVERY) {
            return Ok(());
        }
        let now = Some(self.clock.now());
        self.change(device, |s| match what {
            Seen::Heartbeat => s.last_heartbeat = now,
            Seen::Event => s.last_event = now,
            Seen::State => s.last_state = now,
            Seen::ConfigAck => s.last_config_ack = now,
            Seen::ConfigSend => s.last_config_send = now,
        })
        .await
    }

    /// Whether [`Self::seen`] would write now; lets a hot path skip the call.
    pub fn is_due(&self, device: &DeviceKey, what: Option<Seen>, every: Duration) -> bool {
        let now = self.clock.now();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= REMEMBERED {
            written.clear();
            self.forgotten.fetch_add(1, Ordering::Relaxed);
        }
        match written.get(&(device.clone(), what)) {
            Some(last) if now.since(*last) < every => false,
            _ => {
                written.insert((device.clone(), what), now);
                true
            }
        }
    }

    /// Notes that the device came through `gateway`. The same gateway again is written at most once in [`LAST_SEEN_EVERY`].
    pub async fn came_through(&self, device: &DeviceKey, gateway: &DeviceId) -> Result<(), PortError> {
        let now = self.clock.now();
        let noted = self.stores.statuses.get(&device.to_string()).await?.map(|s| s.value).unwrap_or_default();
        let recent = noted.last_gateway_time.is_some_and(|at| now.since(at) < LAST_SEEN_EVERY);
        if recent && noted.last_gateway.as_ref() == Some(gateway) {
            return Ok(());
        }
        self.change(device, |s| {
            s.last_gateway = Some(gateway.clone());
            s.last_gateway_time = Some(now);
        })
        .await
    }

    /// Records why an authenticated device was refused or disconnected.
    pub async fn error(&self, device: &DeviceKey, error: ErrorStatus) -> Result<(), PortError> {
        let now = self.clock.now();
        self.change(device, |s| {
            s.last_error_time = Some(now);
            s.last_error = Some(error.clone());
        })
        .await
    }

    /// Records why somebody who named the device was refused before proving to be it.
    pub async fn stranger_error(&self, device: &DeviceKey, error: ErrorStatus) -> Result<(), PortError> {
        if self.is_due(device, None, STRANGER_ERROR_EVERY) { self.error(device, error).await } else { Ok(()) }
    }

    /// Records an error that may come with every message of a device, such as a topic that is not there: at most once in
    /// [`REPEATED_ERROR_EVERY`], however fast it sends.
    pub async fn repeated_error(&self, device: &DeviceKey, error: ErrorStatus) -> Result<(), PortError> {
        if self.is_due(device, None, REPEATED_ERROR_EVERY) { self.error(device, error).await } else { Ok(()) }
    }

    async fn change(&self, device: &DeviceKey, change: impl Fn(&mut DeviceStatus)) -> Result<(), PortError> {
        let key = device.to_string();
        loop {
            let found = self.stores.statuses.get(&key).await?;
            let expect = found.as_ref().map_or(Expect::Absent, |s| Expect::Version(s.version));
            let mut status = found.map(|s| s.value).unwrap_or_default();
            change(&mut status);
            if let Written::Stored(_) = self.stores.statuses.put(&key, &status, expect).await? {
                return Ok(());
            }
        }
    }
}
