//! A device: who it is, what it may prove itself with, what is said about it.

use std::collections::BTreeMap;
use std::fmt;

use protocol::limits::{
    MAX_DEVICE_CREDENTIALS, MAX_METADATA_KEY_BYTES, MAX_METADATA_PAIRS, MAX_METADATA_TOTAL_BYTES, MAX_METADATA_VALUE_BYTES,
};
use protocol::{DeviceId, DeviceName, DeviceRef, RegistryName};
use serde::{Deserialize, Serialize};

use crate::ports::{Stores, Versioned};
use crate::registry::LogLevel;
use crate::token::{self, ServiceAccount};
use crate::{DeviceCredential, DomainError, PortError, Registry};

/// The one key of a device's records: registry and the id its owner chose.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceKey {
    /// The registry.
    pub registry: RegistryName,
    /// The device's id in it.
    pub id: DeviceId,
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/devices/{}", self.registry, self.id)
    }
}

/// Whether a device may speak for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum GatewayType {
    /// Not set: not a gateway.
    #[default]
    Unspecified,
    /// A gateway.
    Gateway,
    /// Explicitly not a gateway.
    NonGateway,
}

/// What a gateway must show to speak for a device. Names are the API's (`GatewayAuthMethod`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum GatewayAuthMethod {
    /// Not set.
    #[default]
    Unspecified,
    /// The device is bound to it.
    AssociationOnly,
    /// The device's own JWT.
    DeviceAuthTokenOnly,
    /// Both.
    AssociationAndDeviceAuthToken,
}

/// Gateway settings of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GatewaySettings {
    /// Whether it is one.
    pub kind: GatewayType,
    /// How devices behind it prove themselves.
    pub auth_method: GatewayAuthMethod,
}

/// A device as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Registry and id.
    pub key: DeviceKey,
    /// The number the server gave, unique in the whole installation.
    pub num_id: u64,
    /// Public keys it may sign tokens with.
    pub credentials: Vec<DeviceCredential>,
    /// Refused everywhere while set.
    pub blocked: bool,
    /// Free text about it.
    pub metadata: BTreeMap<String, String>,
    /// Its own log level, over the registry's.
    pub log_level: LogLevel,
    /// Gateway settings.
    pub gateway: GatewaySettings,
    /// Ours: which service accounts it may act as, in place of the registry's; empty: the registry's.
    #[serde(default)]
    pub service_accounts: Vec<ServiceAccount>,
}

impl Device {
    /// Whether it may act as `account`: by its own list, or without one by that of `registry`, which must be its own.
    pub fn may_act_as(&self, account: &ServiceAccount, registry: &Registry) -> bool {
        let list = if self.service_accounts.is_empty() { &registry.service_accounts } else { &self.service_accounts };
        self.key.registry == registry.name && list.contains(account)
    }

    /// Checks the limits of credentials, metadata and service accounts.
    pub fn validate(&self) -> Result<(), DomainError> {
        if self.credentials.len() > MAX_DEVICE_CREDENTIALS {
            let text = format!("{} credentials exceed the limit of {MAX_DEVICE_CREDENTIALS}", self.credentials.len());
            return Err(DomainError::invalid("credentials", text));
        }
        validate_metadata(&self.metadata).map_err(|text| DomainError::invalid("metadata", text))?;
        token::check_accounts(&self.service_accounts)
    }
}

fn validate_metadata(metadata: &BTreeMap<String, String>) -> Result<(), String> {
    if metadata.len() > MAX_METADATA_PAIRS {
        return Err(format!("{} metadata pairs exceed the limit of {MAX_METADATA_PAIRS}", metadata.len()));
    }
    let mut total = 0;
    for (key, value) in metadata {
        let legal = key.len() >= 2
            && key.as_bytes()[0].is_ascii_alphabetic()
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._+~%".contains(&b));
        if !legal || key.len() > MAX_METADATA_KEY_BYTES {
            let shown: String = key.chars().take(64).collect();
            return Err(format!(
                "metadata key `{shown}` is not valid: it must start with a letter and have 2 to {MAX_METADATA_KEY_BYTES} characters out of letters, digits and -._+~%"
            ));
        }
        if value.len() > MAX_METADATA_VALUE_BYTES {
            return Err(format!("the value of metadata key `{key}` has {} bytes, the limit is {MAX_METADATA_VALUE_BYTES}", value.len()));
        }
        total += key.len() + value.len();
    }
    if total > MAX_METADATA_TOTAL_BYTES {
        return Err(format!("metadata has {total} bytes in all, the limit is {MAX_METADATA_TOTAL_BYTES}"));
    }
    Ok(())
}

/// Finds the device that `name` means, by id or by number. `None` when there is none.
/// One read by id, two by number.
pub async fn find(stores: &Stores, name: &DeviceName) -> Result<Option<Versioned<Device>>, PortError> {
    let key = match &name.device {
        DeviceRef::Id(id) => DeviceKey { registry: name.registry.clone(), id: id.clone() },
        DeviceRef::NumId(number) => match stores.device_numbers.get(&number.to_string()).await? {
            Some(found) if found.value.registry == name.registry => found.value,
            _ => return Ok(None),
        },
    };
    let found = stores.devices.get(&key.to_string()).await?;
    // A number entry outlives its device when a create or delete was cut off half-way; the device has the last word.
    Ok(found.filter(|d| !matches!(name.device, DeviceRef::NumId(n) if n != d.value.num_id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(n: usize, value: usize) -> BTreeMap<String, String> {
        (0..n).map(|i| (format!("key{i:04}"), "v".repeat(value))).collect()
    }

    #[test]
    fn metadata_limits_are_those_of_cloud_iot_core() {
        assert!(validate_metadata(&pairs(500, 1)).is_ok());
        assert!(validate_metadata(&pairs(501, 1)).unwrap_err().starts_with("501 metadata pairs"));
        assert!(validate_metadata(&pairs(1, 32 * 1024)).is_ok());
        assert!(validate_metadata(&pairs(1, 32 * 1024 + 1)).unwrap_err().contains("32769 bytes"));
        assert!(validate_metadata(&pairs(9, 32 * 1024)).unwrap_err().contains("in all"));
        assert!(validate_metadata(&BTreeMap::from([("1x".into(), String::new())])).is_err());
    }
}
