//! Which objects the devices of a registry may touch.

use serde::{Deserialize, Serialize};

use super::name::{check_bucket, check_segment, shown};
use super::{MAX_OBJECT_NAME_BYTES, ObjectName};
use crate::{Device, DomainError};

/// Rules of one registry: as many as it has routes.
pub const MAX_OBJECT_RULES: usize = 10;

/// What a rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Access {
    /// Reading.
    #[default]
    Read,
    /// Writing.
    Write,
    /// Both.
    ReadWrite,
}

impl Access {
    /// Whether whoever has `self` may do all of `wanted`.
    pub fn covers(self, wanted: Self) -> bool {
        self == wanted || self == Self::ReadWrite
    }
}

/// Everything below `gs://{bucket}/{folder}/…/`, for every device of the registry. A segment may be `{deviceId}`,
/// `{deviceNumId}` or `{registryId}`: it then stands for the device's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRule {
    /// `gs://bucket/folder/{deviceId}/`; ends with a slash.
    pub path: String,
    /// What it allows there.
    pub access: Access,
}

/// Everything of one bucket whose name begins with `prefix`, for one device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Folder {
    /// The bucket.
    pub bucket: String,
    /// Whole folders with a slash after each; empty for the whole bucket.
    pub prefix: String,
    /// What is allowed there.
    pub access: Access,
}

const SHAPE: &str = "gs://{bucket}/ or gs://{bucket}/{folder}/.../ with a slash at the end";

impl ObjectRule {
    /// Checks the shape, the placeholders, and that what devices write is kept apart by device.
    pub fn validate(&self) -> Result<(), DomainError> {
        let refused =
            |why: String| DomainError::invalid("object_rules.path", format!("object rule `{}` is not valid: {why}", shown(&self.path)));
        let (bucket, folders) = self.parts().ok_or_else(|| refused(format!("it must be {SHAPE}")))?;
        check_bucket(bucket).map_err(|e| refused(e.to_string()))?;
        let mut names_device = false;
        for folder in folders {
            check_segment(folder, folder).map_err(|e| refused(e.to_string()))?;
            names_device |= ["{deviceId}", "{deviceNumId}"].contains(&folder);
            if folder.contains(['{', '}']) && !["{deviceId}", "{deviceNumId}", "{registryId}"].contains(&folder) {
                return Err(refused(format!("`{folder}` must be {{deviceId}}, {{deviceNumId}}, {{registryId}} or a name without braces")));
            }
        }
        if self.access.covers(Access::Write) && !names_device {
            return Err(refused("what devices may write must have {deviceId} or {deviceNumId} as a folder, to keep them apart".into()));
        }
        Ok(())
    }

    /// Whether `device` may do `wanted` with `object` by this rule.
    pub fn allows(&self, wanted: Access, device: &Device, object: &ObjectName) -> bool {
        let Some(folder) = self.folder_of(device) else { return false };
        let below = object.object().strip_prefix(&folder.prefix);
        self.access.covers(wanted) && folder.bucket == object.bucket() && below.is_some_and(|rest| !rest.is_empty())
    }

    /// The folder that this rule is about for `device`. `None` when the rule has not the shape of one, or when its folders
    /// leave no room for an object's name.
    pub fn folder_of(&self, device: &Device) -> Option<Folder> {
        let (bucket, folders) = self.parts()?;
        let mut prefix = String::new();
        for folder in folders {
            // A device that was read from the records has a legal id: without slash, never `..`.
            match folder {
                "{deviceId}" => prefix.push_str(device.key.id.as_str()),
                "{deviceNumId}" => prefix.push_str(&device.num_id.to_string()),
                "{registryId}" => prefix.push_str(device.key.registry.registry.as_str()),
                literal => prefix.push_str(literal),
            }
            prefix.push('/');
        }
        (prefix.len() < MAX_OBJECT_NAME_BYTES).then(|| Folder { bucket: bucket.to_owned(), prefix, access: self.access })
    }

    /// Bucket and folders.
    fn parts(&self) -> Option<(&str, impl Iterator<Item = &str>)> {
        let (bucket, folders) = self.path.strip_prefix("gs://")?.strip_suffix('/').map(|p| p.split_once('/').unwrap_or((p, "")))?;
        // A bucket alone has no folders, not one empty folder; `gs://b//` has.
        let alone = self.path.len() == "gs://".len() + bucket.len() + 1;
        Some((bucket, folders.split('/').filter(move |_| !alone)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::DeviceKey;
    use crate::device::GatewaySettings;
    use crate::registry::LogLevel;

    fn device(id: &str, num_id: u64) -> Device {
        Device {
            key: DeviceKey { registry: "projects/p/locations/l/registries/reg".parse().unwrap(), id: id.parse().unwrap() },
            num_id,
            credentials: Vec::new(),
            blocked: false,
            metadata: BTreeMap::new(),
            log_level: LogLevel::Unspecified,
            gateway: GatewaySettings::default(),
            service_accounts: Vec::new(),
        }
    }

    fn rule(path: &str, access: Access) -> ObjectRule {
        ObjectRule { path: path.into(), access }
    }

    #[test]
    fn a_rule_has_whole_folders_and_known_placeholders() {
        for path in ["gs://bucket/", "gs://bucket/a/", "gs://bucket/{registryId}/{deviceId}/logs/", "gs://bucket/{deviceNumId}/"] {
            assert!(rule(path, Access::Read).validate().is_ok(), "{path}");
        }
        for path in [
            "",
            "bucket/a/",
            "gs://",
            "gs:///",
            "gs://bucket",
            "gs://bucket/a",
            "gs://bucket//",
            "gs://bucket/a//",
            "gs://bucket//a/",
            "gs://bucket/../",
            "gs://bucket/x{deviceId}/",
            "gs://bucket/{device}/",
            "gs://{registryId}/a/",
            "gs://BUCKET/a/",
        ] {
            assert!(rule(path, Access::Read).validate().is_err(), "{path}");
        }
        let e = rule("gs://bucket/{registryId}/", Access::Write).validate().unwrap_err().to_string();
        assert!(e.contains("`gs://bucket/{registryId}/`") && e.contains("to keep them apart"), "{e}");
    }

    #[test]
    fn a_device_has_what_is_below_its_own_folders() {
        let own = rule("gs://bucket/{registryId}/{deviceId}/", Access::ReadWrite);
        let (a, b) = (device("dev-a", 1), device("dev-ab", 2));
        for (object, to_a, to_b) in [
            ("reg/dev-a/x", true, false),
            ("reg/dev-a/x/y", true, false),
            ("reg/dev-ab/x", false, true),
            ("reg/dev-a", false, false),
            ("reg/dev-abc", false, false),
            ("reg/DEV-A/x", false, false),
            ("reg/{deviceId}/x", false, false),
            ("other/dev-a/x", false, false),
        ] {
            let object = ObjectName::try_new("bucket", object).unwrap();
            let may = |device| own.allows(Access::Read, device, &object) && own.allows(Access::Write, device, &object);
            assert_eq!((may(&a), may(&b)), (to_a, to_b), "{object}");
        }
        let folder = Folder { bucket: "bucket".into(), prefix: "reg/dev-a/".into(), access: Access::ReadWrite };
        assert_eq!(own.folder_of(&a), Some(folder));
        assert_eq!(rule(&format!("gs://bucket/{}", "x/".repeat(512)), Access::Read).folder_of(&a), None, "no room for a name");
        let elsewhere = ObjectName::try_new("bucket-2", "reg/dev-a/x").unwrap();
        assert!(!own.allows(Access::Read, &a, &elsewhere));
    }

    #[test]
    fn numbers_and_whole_buckets_are_rules_too_and_access_is_what_it_says() {
        let object = ObjectName::try_new("bucket", "7/x").unwrap();
        assert!(rule("gs://bucket/{deviceNumId}/", Access::Write).allows(Access::Write, &device("dev", 7), &object));
        assert!(!rule("gs://bucket/{deviceNumId}/", Access::Write).allows(Access::Read, &device("dev", 7), &object));
        assert!(!rule("gs://bucket/{deviceNumId}/", Access::Write).allows(Access::Write, &device("dev", 77), &object));
        assert!(rule("gs://bucket/", Access::Read).allows(Access::Read, &device("dev", 1), &object));
        assert!(!rule("gs://bucket/", Access::Read).allows(Access::Write, &device("dev", 1), &object));
    }
}
