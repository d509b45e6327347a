//! Google's predefined roles, as far as devices and their administrators need them, with the permissions that something
//! in the local stack asks for.
//!
//! Sources: cloud.google.com/iam/docs/roles-permissions/{pubsub,storage,iam}; for Cloud IoT [`domain::iam::Role`].

use domain::iam;

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
const ACT_AS: &[&str] = &["iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"];
const SIGN: &[&str] = &["iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt"];

const ROLES: &[Role] = &[
    cloud_iot(iam::Role::Admin),
    cloud_iot(iam::Role::DeviceController),
    cloud_iot(iam::Role::Editor),
    cloud_iot(iam::Role::Provisioner),
    cloud_iot(iam::Role::Viewer),
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

/// One of those that the registry's own policies know too.
const fn cloud_iot(role: iam::Role) -> Role {
    Role { name: role.name(), permissions: role.permissions() }
}

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
    fn a_role_of_cloud_iot_opens_here_what_it_opens_in_a_policy_of_a_registry() {
        for role in iam::Role::ALL {
            let here = Role::find(role.name()).unwrap();
            for permission in iam::permissions() {
                assert_eq!(here.has(permission), role.has(permission), "{role} {permission}");
            }
        }
    }
}
