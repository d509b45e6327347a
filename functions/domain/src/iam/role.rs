//! Cloud IoT's predefined roles, with their permissions.
//!
//! Source: cloud.google.com/iot/docs/how-tos/iam, and the change log of IAM permissions of 2019-05-10 (gateways and
//! commands). The page is gone; of what is left of it the editor's and the administrator's rows are cut off, and are
//! completed by the names of the permissions: an editor has all but those of policies, an administrator all.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Permissions that one call may ask about; there are fewer.
pub const MAX_ASKED_PERMISSIONS: usize = 100;

const VIEW: &[&str] = &["cloudiot.devices.get", "cloudiot.devices.list", "cloudiot.registries.get", "cloudiot.registries.list"];
const CONTROL: &[&str] = &["cloudiot.devices.sendCommand", "cloudiot.devices.updateConfig"];
const PROVISION: &[&str] = &[
    "cloudiot.devices.bindGateway",
    "cloudiot.devices.create",
    "cloudiot.devices.delete",
    "cloudiot.devices.unbindGateway",
    "cloudiot.devices.update",
];
const REGISTRIES: &[&str] = &["cloudiot.registries.create", "cloudiot.registries.delete", "cloudiot.registries.update"];
const POLICIES: &[&str] = &["cloudiot.registries.getIamPolicy", "cloudiot.registries.setIamPolicy"];

/// A role of Cloud IoT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// All, policies too.
    #[serde(rename = "roles/cloudiot.admin")]
    Admin,
    /// Reads; sends commands and configurations.
    #[serde(rename = "roles/cloudiot.deviceController")]
    DeviceController,
    /// All but policies.
    #[serde(rename = "roles/cloudiot.editor")]
    Editor,
    /// All with devices, nothing with registries.
    #[serde(rename = "roles/cloudiot.provisioner")]
    Provisioner,
    /// Reads.
    #[serde(rename = "roles/cloudiot.viewer")]
    Viewer,
}

impl Role {
    /// All five, by name.
    pub const ALL: [Self; 5] = [Self::Admin, Self::DeviceController, Self::Editor, Self::Provisioner, Self::Viewer];

    /// As IAM writes it.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// What it opens, in groups.
    pub const fn permissions(self) -> &'static [&'static [&'static str]] {
        self.row().1
    }

    const fn row(self) -> (&'static str, &'static [&'static [&'static str]]) {
        match self {
            Self::Admin => ("roles/cloudiot.admin", &[VIEW, CONTROL, PROVISION, REGISTRIES, POLICIES]),
            Self::DeviceController => ("roles/cloudiot.deviceController", &[VIEW, CONTROL]),
            Self::Editor => ("roles/cloudiot.editor", &[VIEW, CONTROL, PROVISION, REGISTRIES]),
            Self::Provisioner => ("roles/cloudiot.provisioner", &[VIEW, CONTROL, PROVISION]),
            Self::Viewer => ("roles/cloudiot.viewer", &[VIEW]),
        }
    }

    /// Whether it opens this.
    pub fn has(self, permission: &str) -> bool {
        self.permissions().iter().any(|some| some.contains(&permission))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|role| role.name() == s).ok_or_else(|| {
            let shown: String = s.chars().take(128).flat_map(char::escape_debug).collect();
            format!("`{shown}` is no role of Cloud IoT: use one of {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

/// Every permission there is on a registry, its devices and its policy.
pub fn permissions() -> impl Iterator<Item = &'static str> {
    Role::Admin.permissions().iter().flat_map(|some| some.iter().copied())
}

/// One of [`permissions`]; the error names them.
pub fn permission(text: &str) -> Result<&'static str, String> {
    permissions().find(|permission| *permission == text).ok_or_else(|| {
        let shown: String = text.chars().take(128).flat_map(char::escape_debug).collect();
        let known: Vec<_> = permissions().collect();
        format!("`{shown}` is no permission on a registry, and there are no wildcards: ask about {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_opens_what_google_said_and_no_more() {
        // From the least to the most.
        let roles = [Role::Viewer, Role::DeviceController, Role::Provisioner, Role::Editor, Role::Admin];
        for (permission, from) in [
            ("devices.get", 0),
            ("devices.list", 0),
            ("registries.get", 0),
            ("registries.list", 0),
            ("devices.sendCommand", 1),
            ("devices.updateConfig", 1),
            ("devices.create", 2),
            ("devices.update", 2),
            ("devices.delete", 2),
            ("devices.bindGateway", 2),
            ("devices.unbindGateway", 2),
            ("registries.create", 3),
            ("registries.update", 3),
            ("registries.delete", 3),
            ("registries.getIamPolicy", 4),
            ("registries.setIamPolicy", 4),
        ] {
            let permission = self::permission(&format!("cloudiot.{permission}")).unwrap();
            for (rank, role) in roles.iter().enumerate() {
                assert_eq!(role.has(permission), rank >= from, "{role} {permission}");
            }
        }
        assert_eq!(permissions().count(), 16);
    }

    #[test]
    fn a_role_is_known_by_its_whole_name_and_stored_by_it() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        for bad in ["", "viewer", "roles/viewer", "roles/cloudiot.Viewer", "roles/cloudiot.viewer "] {
            let refused = bad.parse::<Role>().unwrap_err();
            assert!(refused.contains("roles/cloudiot.admin, roles/cloudiot.deviceController, roles/cloudiot.editor"), "{refused}");
        }
    }

    #[test]
    fn wildcards_and_other_services_are_no_permissions() {
        for bad in ["*", "cloudiot.*", "cloudiot.devices.*", "cloudiot.devices.blow", "pubsub.topics.publish", ""] {
            assert!(permission(bad).unwrap_err().starts_with(&format!("`{bad}` is no permission on a registry")), "{bad}");
        }
    }
}
