//! Resource names: `projects/{p}/locations/{l}/registries/{r}/devices/{d}` and their parts.
//!
//! A name is validated once, when it is parsed; whoever holds one need not check it again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused. The text names the value and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An id breaks `[a-zA-Z][-a-zA-Z0-9._+~%]{2,254}` or starts with `goog`.
    #[error(
        "{what} `{value}` is not valid: it must start with a letter, have 3 to 255 characters out of letters, digits and -._+~% and not start with `goog`"
    )]
    Id {
        /// What kind of id: `registry id` or `device id`.
        what: &'static str,
        /// The id as given, cut at 64 characters.
        value: String,
    },
    /// A project or location id has characters or a length no such id has.
    #[error("{what} `{value}` is not valid: it must have 1 to 128 characters out of letters, digits and -.:_")]
    Segment {
        /// `project id` or `location`.
        what: &'static str,
        /// The value as given, cut at 64 characters.
        value: String,
    },
    /// The whole does not have the shape of such a name.
    #[error("`{value}` is not a {what}: expected {shape}")]
    Shape {
        /// What was expected: `device name`, `registry name`, `topic name`.
        what: &'static str,
        /// The value as given, cut at 64 characters.
        value: String,
        /// The expected shape, as a template.
        shape: &'static str,
    },
}

/// A value as it may be repeated in a message: at most 64 characters, controls escaped.
fn shown(value: &str) -> String {
    value.chars().take(64).flat_map(char::escape_debug).collect()
}

fn is_resource_id(s: &str) -> bool {
    (3..=255).contains(&s.len())
        && s.as_bytes()[0].is_ascii_alphabetic()
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._+~%".contains(&b))
        && !s.starts_with("goog")
}

fn is_segment(s: &str) -> bool {
    (1..=128).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:_".contains(&b))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:ident, $variant:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(s: &str) -> Result<Self, NameError> {
                if $check(s) {
                    Ok(Self(s.to_owned()))
                } else {
                    Err(NameError::$variant { what: $what, value: shown(s) })
                }
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(s: String) -> Result<Self, NameError> {
                s.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

text_id! {
    /// A Google Cloud project id, also the required `aud` of a device JWT.
    ProjectId, is_segment, Segment, "project id"
}
text_id! {
    /// A region such as `us-central1`. Any region is accepted: the user chooses where it runs.
    Location, is_segment, Segment, "location"
}
text_id! {
    /// A registry id, unique in its project and location.
    RegistryId, is_resource_id, Id, "registry id"
}
text_id! {
    /// A device id, unique in its registry.
    DeviceId, is_resource_id, Id, "device id"
}

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

/// `projects/{project}/topics/{topic}`: a Pub/Sub topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicName(String);

impl TopicName {
    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The last segment.
    pub fn topic(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for TopicName {
    type Err = NameError;
    fn from_str(s: &str) -> Result<Self, NameError> {
        match s.split('/').collect::<Vec<_>>()[..] {
            ["projects", p, "topics", t] if is_segment(p) && is_resource_id(t) => Ok(Self(s.to_owned())),
            _ => Err(NameError::Shape { what: "topic name", value: shown(s), shape: "projects/{project}/topics/{topic}" }),
        }
    }
}
impl TryFrom<String> for TopicName {
    type Error = NameError;
    fn try_from(s: String) -> Result<Self, NameError> {
        s.parse()
    }
}
impl From<TopicName> for String {
    fn from(t: TopicName) -> String {
        t.0
    }
}
impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
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
    fn ids_that_cloud_iot_core_refused_are_refused() {
        for id in ["", "ab", "1abc", "googdev", "a/b", "a\\bc", "ünı", &"a".repeat(256)] {
            assert!(id.parse::<DeviceId>().is_err(), "{id}");
        }
        for id in ["abc", "a-._+~%", &"a".repeat(255)] {
            assert!(id.parse::<DeviceId>().is_ok(), "{id}");
        }
    }

    #[test]
    fn a_refusal_names_the_value_and_the_shape() {
        let e = "devices/x".parse::<DeviceName>().unwrap_err().to_string();
        assert!(e.contains("`devices/x`") && e.contains("projects/{project}"), "{e}");
        let e = "projects/p/locations/l/registries/r/devices/dev".parse::<DeviceName>().unwrap_err().to_string();
        assert!(e.contains("registry id `r`"), "{e}");
    }
}
