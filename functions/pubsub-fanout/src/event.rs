//! An event and the device it speaks for.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use domain::device::DeviceKey;
use domain::registry::LogLevel;
use domain::status::LAST_SEEN_EVERY;
use domain::{Attributes, Device, Registry, Timestamp};

/// One telemetry event as it came from a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Subfolder of the events topic, empty when none.
    pub subfolder: String,
    /// Payload, at most 256 KiB.
    pub data: Bytes,
    /// MQTT 5 user properties, or `attributes` of the HTTP form: they become attributes of the message.
    pub properties: Vec<(Cow<'static, str>, String)>,
}

/// On whose behalf events are published, prepared once per session so that an event costs no lookup.
#[derive(Debug)]
pub struct Speaker {
    /// Registry and id of the device.
    pub key: DeviceKey,
    /// The registry with its routes, as of the last read.
    pub registry: Arc<Registry>,
    pub(crate) attributes: Arc<[(&'static str, String)]>,
    /// The device's own; see `device_log`.
    pub(crate) log_level: LogLevel,
    /// When `lastEventTime` was last written, in microseconds; see [`Speaker::is_event_due`].
    event_noted: AtomicI64,
}

impl Speaker {
    /// Speaks for `device`, through `gateway` if there is one.
    pub fn new(device: &Device, registry: Arc<Registry>, gateway: Option<&str>) -> Self {
        let attributes = Attributes::of_device(&device.key.registry, device.key.id.as_str(), device.num_id, gateway);
        Self { key: device.key.clone(), registry, attributes, log_level: device.log_level, event_noted: AtomicI64::new(i64::MIN) }
    }

    /// The same speaker with routes read anew.
    pub fn with_registry(&self, registry: Arc<Registry>) -> Self {
        let noted = AtomicI64::new(self.event_noted.load(Ordering::Relaxed));
        let (key, attributes) = (self.key.clone(), self.attributes.clone());
        Self { key, registry, attributes, log_level: self.log_level, event_noted: noted }
    }

    /// The same speaker with a device's log level read anew.
    pub fn with_log_level(&self, log_level: LogLevel) -> Self {
        Self { log_level, ..self.with_registry(self.registry.clone()) }
    }

    /// Whether `lastEventTime` wants writing; answers yes once per [`LAST_SEEN_EVERY`].
    pub(crate) fn is_event_due(&self, now: Timestamp) -> bool {
        let noted = self.event_noted.load(Ordering::Relaxed);
        let due = noted == i64::MIN || now.since(Timestamp(noted)) >= LAST_SEEN_EVERY;
        due && self.event_noted.compare_exchange(noted, now.0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
