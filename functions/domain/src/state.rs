//! State reports of a device: ten kept, newest first.

use protocol::limits::KEPT_STATES;
use serde::{Deserialize, Serialize};

use crate::device::DeviceKey;
use crate::ports::{Expect, Stores, Written};
use crate::{PortError, Timestamp};

/// One state report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceState {
    /// When the cloud took it.
    pub update_time: Timestamp,
    /// Payload, at most 64 KiB.
    #[serde(with = "crate::base64_bytes")]
    pub data: Vec<u8>,
}

/// The states kept, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StateHistory {
    /// At most ten.
    pub states: Vec<DeviceState>,
}

/// Keeps a state report as the newest.
pub async fn report(stores: &Stores, device: &DeviceKey, data: &[u8], now: Timestamp) -> Result<(), PortError> {
    let key = device.to_string();
    loop {
        let found = stores.states.get(&key).await?;
        let expect = found.as_ref().map_or(Expect::Absent, |h| Expect::Version(h.version));
        let mut history = found.map(|h| h.value).unwrap_or_default();
        history.states.insert(0, DeviceState { update_time: now, data: data.to_vec() });
        history.states.truncate(KEPT_STATES);
        if let Written::Stored(_) = stores.states.put(&key, &history, expect).await? {
            return Ok(());
        }
    }
}
