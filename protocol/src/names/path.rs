//! Registries and devices by their full names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DeviceId, Location, NameError, ProjectId, RegistryId, shown};

/// `projects/{project}/locations/{location}/registries/{registry}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RegistryName {
    /// The project that owns the registry.
    pub project: ProjectId,
    /// Where it lives.
    pub location: Location,
    /// Its id.
    pub registry: RegistryId,
}

const REGISTRY_SHAPE: &str = "projects/{project}/locations/{location}/registries/{registry}";
const DEVICE_SHAPE: &str = "projects/{project}/locations/{location}/registries/{registry}/devices/{device}";

impl FromStr for RegistryName {
    type Err = NameError;
    fn from_str(s: &str) -> Result<Self, NameError> {
        let mut parts = s.split('/');
        let mut next = || parts.next().unwrap_or("");
        match [next(), next(), next(), next(), next(), next()] {
            ["projects", p, "locations", l, "registries", r] if parts.next().is_none() => {
                Ok(Self { project: p.parse()?, location: l.parse()?, registry: r.parse()? })
            }
            _ => Err(NameError::Shape { what: "registry name", value: shown(s), shape: REGISTRY_SHAPE }),
        }
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/locations/{}/registries/{}", self.project, self.location, self.registry)
    }
}

/// How a caller names a device: by the id its owner chose or by the number the server gave.
/// Digits alone are always a number, since ids start with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceRef {
    /// The id its owner chose.
    Id(DeviceId),
    /// The number the server gave.
    NumId(u64),
}

impl FromStr for DeviceRef {
    type Err = NameError;
    fn from_str(s: &str) -> Result<Self, NameError> {
        if !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()) {
            let refused = || NameError::Id { what: "device number", value: shown(s) };
            return s.parse().map(DeviceRef::NumId).map_err(|_| refused());
        }
        s.parse().map(DeviceRef::Id)
    }
}

impl fmt::Display for DeviceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceRef::Id(id) => id.fmt(f),
            DeviceRef::NumId(n) => n.fmt(f),
        }
    }
}

/// `{registry name}/devices/{device}`: an MQTT client id, or the path of a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceName {
    /// The registry the device belongs to.
    pub registry: RegistryName,
    /// Which device of that registry.
    pub device: DeviceRef,
}

impl FromStr for DeviceName {
    type Err = NameError;
    fn from_str(s: &str) -> Result<Self, NameError> {
        let shape = || NameError::Shape { what: "device name", value: shown(s), shape: DEVICE_SHAPE };
        let (registry, device) = s.rsplit_once("/devices/").ok_or_else(shape)?;
        let registry = registry.parse().map_err(|e| if matches!(e, NameError::Shape { .. }) { shape() } else { e })?;
        Ok(Self { registry, device: device.parse()? })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/devices/{}", self.registry, self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_name_reads_and_prints_the_same() {
        for text in [
            "projects/p-1/locations/us-central1/registries/reg/devices/dev",
            "projects/example.com:p/locations/x/registries/reg/devices/2600000000000001",
        ] {
            assert_eq!(text.parse::<DeviceName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn digits_alone_are_a_number() {
        assert_eq!("123".parse::<DeviceRef>().unwrap(), DeviceRef::NumId(123));
        assert!("99999999999999999999999".parse::<DeviceRef>().is_err());
    }

    #[test]
    fn a_refusal_names_the_value_and_the_shape() {
        let e = "devices/x".parse::<DeviceName>().unwrap_err().to_string();
        assert!(e.contains("`devices/x`") && e.contains("projects/{project}"), "{e}");
        let e = "projects/p/locations/l/registries/r/devices/dev".parse::<DeviceName>().unwrap_err().to_string();
        assert!(e.contains("registry id `r`"), "{e}");
    }
}
