//! One message on its way to a topic.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use protocol::{RegistryName, attribute};

/// Payload and attributes, as Pub/Sub will carry them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The device's payload, untouched.
    pub data: Bytes,
    /// Who sent it, and what it said beside the payload.
    pub attributes: Attributes,
}

/// Attributes of a message. Those that every message of a session has are shared, not copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// The same for every message of a device's session.
    pub device: Arc<[(&'static str, String)]>,
    /// Of this message alone.
    pub own: Vec<(Cow<'static, str>, String)>,
}

impl Attributes {
    /// The attributes that name a device (Cloud IoT Core's spelling).
    pub fn of_device(registry: &RegistryName, id: &str, num_id: u64, gateway: Option<&str>) -> Arc<[(&'static str, String)]> {
        let mut named = vec![
            (attribute::DEVICE_ID, id.to_owned()),
            (attribute::DEVICE_NUM_ID, num_id.to_string()),
            (attribute::REGISTRY_ID, registry.registry.to_string()),
            (attribute::REGISTRY_LOCATION, registry.location.to_string()),
            (attribute::PROJECT_ID, registry.project.to_string()),
        ];
        if let Some(gateway) = gateway {
            named.push((attribute::GATEWAY_ID, gateway.to_owned()));
        }
        named.into()
    }

    /// All of them. A name of the device's own choosing never overrides one of ours: those come first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let device = self.device.iter().map(|(k, v)| (*k, v.as_str()));
        device.chain(self.own.iter().map(|(k, v)| (k.as_ref(), v.as_str())))
    }

    /// The value of `name`, if there is one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == name).map(|(_, v)| v)
    }
}
