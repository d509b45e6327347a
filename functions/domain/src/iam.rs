//! # Who may do what with a registry
//!
//! A policy says which members have which role: on a registry with its devices, or on a group of it. What it grants counts
//! beside what the installation's own policy says, for whoever is let in as a [`Principal`]; it takes nothing from anybody.
//!
//! | file | holds |
//! | --- | --- |
//! | `role` | the five roles and their permissions |
//! | `member` | whom a policy names, and who calls |
//! | `kept` | where policies are kept, their etags, what they grant |
//!
//! Promise: a grant is never wider than it reads: what would narrow it and is not looked at, a condition, is not kept.
//! Source: cloud.google.com/iam/docs/reference/rest/v1/Policy, …/iam/quotas; docs/adr/0020.

mod kept;
mod member;
mod role;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::DomainError;

pub use kept::{NO_POLICY_ETAG, PolicyOf, etag, expected, granted};
pub use member::{MAX_MEMBER_BYTES, Member, Principal};
pub use role::{MAX_ASKED_PERMISSIONS, Role, permission, permissions};

/// Members of one policy, each counted in every role that it has: IAM's own limit. At their longest they are 750 KB of a
/// record, which Firestore holds.
pub const MAX_MEMBERS: usize = 1500;

/// Who has which role. A role without members is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    bindings: BTreeMap<Role, BTreeSet<Member>>,
}

impl Policy {
    /// One binding after the other: those of one role are joined, a member is in a role once. Names of fields are the API's.
    pub fn read<'a>(bindings: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, DomainError> {
        let mut policy = Self::default();
        for (place, (role, members)) in bindings.into_iter().enumerate() {
            let about = |field: &str| format!("policy.bindings[{place}].{field}");
            let role: Role = role.parse().map_err(|text: String| DomainError::invalid(about("role"), text))?;
            for (member, text) in members.iter().enumerate() {
                let read = text.parse().map_err(|text: String| DomainError::invalid(about(&format!("members[{member}]")), text))?;
                policy.bindings.entry(role).or_default().insert(read);
            }
        }
        match policy.bindings.values().map(BTreeSet::len).sum() {
            0..=MAX_MEMBERS => Ok(policy),
            count => {
                let text = format!("{count} members of a policy exceed the limit of {MAX_MEMBERS}; a member counts in each of its roles");
                Err(DomainError::invalid("policy.bindings", text))
            }
        }
    }

    /// Roles with their members, both in order.
    pub fn bindings(&self) -> impl Iterator<Item = (Role, &BTreeSet<Member>)> {
        self.bindings.iter().map(|(role, members)| (*role, members))
    }

    /// Whether a role of `principal` has `permission`.
    pub fn allows(&self, principal: &Principal, permission: &str) -> bool {
        self.bindings.iter().any(|(role, members)| role.has(permission) && members.iter().any(|m| m.is(principal)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn bindings_of_one_role_are_joined_and_a_member_is_there_once() {
        let (one, two) = (members(&["serviceAccount:b@p.com", "user:a@b.com"]), members(&["serviceAccount:b@p.com", "group:g@b.com"]));
        let viewer = "roles/cloudiot.viewer";
        let policy = Policy::read([(viewer, one.as_slice()), ("roles/cloudiot.admin", &[]), (viewer, two.as_slice())]).unwrap();
        let read: Vec<_> = policy.bindings().map(|(role, m)| (role.name(), m.iter().map(Member::as_str).collect::<Vec<_>>())).collect();
        assert_eq!(read, [(viewer, vec!["group:g@b.com", "serviceAccount:b@p.com", "user:a@b.com"])]);
        let record = serde_json::json!({"bindings": {viewer: ["group:g@b.com", "serviceAccount:b@p.com", "user:a@b.com"]}});
        assert_eq!(serde_json::to_value(&policy).unwrap(), record);
        assert_eq!(serde_json::from_value::<Policy>(record).unwrap(), policy);
    }

    #[test]
    fn what_is_no_role_or_member_is_refused_by_its_place() {
        let good = members(&["serviceAccount:b@p.com"]);
        for (role, members, field, says) in [
            ("roles/owner", good.clone(), "policy.bindings[1].role", "`roles/owner` is no role"),
            ("roles/cloudiot.viewer", members(&["serviceAccount:a@b.com", "allUsers"]), "policy.bindings[1].members[1]", "`allUsers`"),
        ] {
            let refused = Policy::read([("roles/cloudiot.viewer", good.as_slice()), (role, members.as_slice())]).unwrap_err();
            let DomainError::Invalid { field: about, message } = refused else { panic!("{refused}") };
            assert!(about == field && message.contains(says), "{about}: {message}");
        }
    }

    #[test]
    fn a_member_counts_in_each_of_its_roles_towards_the_limit_and_the_longest_fit_a_record() {
        let host = |length: usize| format!("{}.com", "h".repeat(length));
        let many = |count: usize| (0..count).map(|n| format!("user:{n:05}@{}", host(MAX_MEMBER_BYTES - 15))).collect::<Vec<_>>();
        let (all, one) = (many(MAX_MEMBERS - 1), many(1));
        let policy = Policy::read([("roles/cloudiot.viewer", all.as_slice()), ("roles/cloudiot.admin", one.as_slice())]).unwrap();
        let bytes = serde_json::to_vec(&policy).unwrap().len();
        assert!(all[0].len() == MAX_MEMBER_BYTES && bytes < 900_000, "{} {bytes}", all[0].len());
        let over = many(MAX_MEMBERS);
        let refused = Policy::read([("roles/cloudiot.viewer", over.as_slice()), ("roles/cloudiot.admin", one.as_slice())]).unwrap_err();
        assert!(refused.to_string().starts_with("1501 members of a policy exceed the limit of 1500"), "{refused}");
    }

    #[test]
    fn a_policy_grants_what_the_roles_of_the_caller_have_and_nothing_to_others() {
        let account = |name: &str| Principal::ServiceAccount(format!("{name}@p.com"));
        let (a, b) = (members(&["serviceAccount:a@p.com"]), members(&["serviceAccount:a@p.com", "serviceAccount:b@p.com"]));
        let policy = Policy::read([("roles/cloudiot.deviceController", a.as_slice()), ("roles/cloudiot.viewer", b.as_slice())]).unwrap();
        let may = |name: &str, permission: &str| policy.allows(&account(name), &format!("cloudiot.{permission}"));
        assert!(may("a", "devices.sendCommand") && may("a", "devices.get") && may("b", "devices.get"));
        assert!(!may("b", "devices.sendCommand") && !may("c", "devices.get") && !may("a", "devices.create"));
    }
}
