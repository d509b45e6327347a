//! Configuration of a device: ten versions kept, the newest delivered, acknowledgements recorded.

use protocol::limits::KEPT_CONFIG_VERSIONS;
use serde::{Deserialize, Serialize};

use crate::device::DeviceKey;
use crate::ports::{Expect, Stores, Written};
use crate::{DomainError, PortError, Timestamp};

/// One version of a device's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceConfig {
    /// From 1, growing by one.
    pub version: u64,
    /// When the cloud took it.
    pub cloud_update_time: Timestamp,
    /// When the device acknowledged it; MQTT only.
    pub device_ack_time: Option<Timestamp>,
    /// Payload, at most 64 KiB.
    #[serde(with = "crate::base64_bytes")]
    pub data: Vec<u8>,
}

/// The versions kept, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConfigHistory {
    /// At most ten.
    pub versions: Vec<DeviceConfig>,
}

impl ConfigHistory {
    /// The history of a new device: version 1 with what it was created with.
    pub fn first(data: Vec<u8>, now: Timestamp) -> Self {
        let first = DeviceConfig { version: 1, cloud_update_time: now, device_ack_time: None, data };
        Self { versions: vec![first] }
    }

    /// The newest version.
    pub fn latest(&self) -> Option<&DeviceConfig> {
        self.versions.first()
    }

    /// Adds a version in front and drops what is past ten. Answers the new version.
    pub fn push(&mut self, data: Vec<u8>, now: Timestamp) -> DeviceConfig {
        let version = self.latest().map_or(1, |c| c.version + 1);
        let added = DeviceConfig { version, cloud_update_time: now, device_ack_time: None, data };
        self.versions.insert(0, added.clone());
        self.versions.truncate(KEPT_CONFIG_VERSIONS);
        added
    }
}

/// The newest configuration of a device; `None` when it has none.
pub async fn latest(stores: &Stores, device: &DeviceKey) -> Result<Option<DeviceConfig>, PortError> {
    Ok(stores.configs.get(&device.to_string()).await?.and_then(|h| h.value.latest().cloned()))
}

/// Records that the device acknowledged `version`. A version no longer kept is no error.
pub async fn acknowledge(stores: &Stores, device: &DeviceKey, version: u64, now: Timestamp) -> Result<(), PortError> {
    let key = device.to_string();
    loop {
        let Some(mut history) = stores.configs.get(&key).await? else { return Ok(()) };
        let Some(config) = history.value.versions.iter_mut().find(|c| c.version == version) else { return Ok(()) };
        if config.device_ack_time.replace(now).is_some() {
            return Ok(());
        }
        if let Written::Stored(_) = stores.configs.put(&key, &history.value, Expect::Version(history.version)).await? {
            return Ok(());
        }
    }
}

/// Adds a version. With `expected` (the API's `versionToUpdate`), only if it is the newest.
pub async fn update(
    stores: &Stores,
    device: &DeviceKey,
    data: Vec<u8>,
    expected: Option<u64>,
    now: Timestamp,
) -> Result<DeviceConfig, DomainError> {
    let limit = protocol::limits::MAX_CONFIG_BYTES;
    if data.len() > limit {
        return Err(DomainError::invalid(
            "binary_data",
            format!("configuration of {} bytes exceeds the limit of {limit} bytes", data.len()),
        ));
    }
    let key = device.to_string();
    loop {
        let found = stores.configs.get(&key).await?;
        let expect = found.as_ref().map_or(Expect::Absent, |h| Expect::Version(h.version));
        let mut history = found.map(|h| h.value).unwrap_or_default();
        let newest = history.latest().map_or(0, |c| c.version);
        if let Some(expected) = expected.filter(|e| *e != newest) {
            return Err(DomainError::Precondition(format!("configuration is at version {newest}, the update expects version {expected}")));
        }
        let added = history.push(data.clone(), now);
        if let Written::Stored(_) = stores.configs.put(&key, &history, expect).await? {
            return Ok(added);
        }
    }
}
