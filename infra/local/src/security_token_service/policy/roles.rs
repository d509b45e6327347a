//! Google's predefined roles, as far as devices and their administrators need them, with the permissions that something
//! in the local stack asks for.
//!
//! Sources: cloud.google.com/iam/docs/roles-permissions/{pubsub,storage,iam}; for Cloud IoT, whose page is gone,
//! cloud.google.com/iot/docs/how-tos/iam and the change log of IAM permissions of 2019-05-10 (gateways and commands).

/// A name and what it opens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Role {
    name: &'static str,
    permissions: &'static [&'static [&'static str]],
}

const READ_OBJECTS: &[&str] = &["storage.objects.get", "storage.objects.list"];
const CREATE_OBJECTS: &[&str] = &["storage.objects.create"];
const CHANGE_OBJECTS: &[&str] = &["storage.objects.delete", "storage.objects.update"];
const BUCKETS: &[&str] =
    &["storage.buckets.create", "storage.buckets.delete", "storage.buckets.get", "storage.buckets.list", "storage.buckets.update"];
const PUBLISH: &[&str] = &["pubsub.topics.publish"];
const TOPICS: &[&str] =
    &["pubsub.topics.create", "pubsub.topics.delete", "pubsub.topics.get", "pubsub.topics.list", "pubsub.topics.update"];
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
const ACT_AS: &[&str] = &["iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"];
const SIGN: &[&str] = &["iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt"];

const ROLES: &[Role] = &[
    Role { name: "roles/cloudiot.admin", permissions: &[VIEW, CONTROL, PROVISION, REGISTRIES, POLICIES] },
    Role { name: "roles/cloudiot.deviceController", permissions: &[VIEW, CONTROL] },
    Role { name: "roles/cloudiot.editor", permissions: &[VIEW, CONTROL, PROVISION, REGISTRIES] },
    Role { name: "roles/cloudiot.provisioner", permissions: &[VIEW, CONTROL, PROVISION] },
    Role { name: "roles/cloudiot.viewer", permissions: &[VIEW] },
    Role { name: "roles/iam.serviceAccountTokenCreator", permissions: &[ACT_AS, SIGN] },
    Role { name: super::WORKLOAD_IDENTITY_USER, permissions: &[ACT_AS] },
    Role { name: "roles/pubsub.editor", permissions: &[PUBLISH, TOPICS] },
    Role { name: "roles/pubsub.publisher", permissions: &[PUBLISH] },
    Role { name: "roles/storage.admin", permissions: &[BUCKETS, READ_OBJECTS, CREATE_OBJECTS, CHANGE_OBJECTS] },
    Role { name: "roles/storage.objectAdmin", permissions: &[READ_OBJECTS, CREATE_OBJECTS, CHANGE_OBJECTS] },
    Role { name: "roles/storage.objectCreator", permissions: &[CREATE_OBJECTS] },
    Role { name: "roles/storage.objectUser", permissions: &[READ_OBJECTS, CREATE_OBJECTS, CHANGE_OBJECTS] },
    Role { name: "roles/storage.objectViewer", permissions: &[READ_OBJECTS] },
];

impl Role {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        ROLES.iter().find(|role| role.name == name)
    }

    pub(super) fn has(&self, permission: &str) -> bool {
        self.permissions.iter().any(|some| some.contains(&permission))
    }
}

/// All names, for messages.
pub(super) fn known() -> String {
    ROLES.iter().map(|role| role.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_iot_role_opens_what_google_said_and_no_more() {
        let has = |role: &str, permission: &str| Role::find(&format!("roles/cloudiot.{role}")).unwrap().has(permission);
        let roles = ["viewer", "deviceController", "provisioner", "editor", "admin"];
        for (permission, from) in [
            ("cloudiot.devices.get", 0),
            ("cloudiot.registries.list", 0),
            ("cloudiot.devices.sendCommand", 1),
            ("cloudiot.devices.updateConfig", 1),
            ("cloudiot.devices.create", 2),
            ("cloudiot.devices.bindGateway", 2),
            ("cloudiot.registries.create", 3),
            ("cloudiot.registries.setIamPolicy", 4),
        ] {
            for (rank, role) in roles.iter().enumerate() {
                assert_eq!(has(role, permission), rank >= from, "{role} {permission}");
            }
        }
    }
}
