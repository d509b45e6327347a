//! Resource names: `projects/{p}/locations/{l}/registries/{r}/devices/{d}` and their parts.
//!
//! A name is validated once, when it is parsed; whoever holds one need not check it again.

mod path;
mod topic;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use path::{DeviceName, DeviceRef, RegistryName};
pub use topic::TopicName;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_cloud_iot_core_refused_are_refused() {
        for id in ["", "ab", "1abc", "googdev", "a/b", "a\\bc", "ünı", &"a".repeat(256)] {
            assert!(id.parse::<DeviceId>().is_err(), "{id}");
        }
        for id in ["abc", "a-._+~%", &"a".repeat(255)] {
            assert!(id.parse::<DeviceId>().is_ok(), "{id}");
        }
    }
}
