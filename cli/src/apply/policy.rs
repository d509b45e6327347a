//! The IAM policy of a registry: what the file says of it, and what becomes of the one that is there. As the resources
//! google_cloudiot_registry_iam_policy, _binding and _member were: `iamPolicy` is the whole policy, `iamBindings` are all members of
//! their roles, `iamMembers` have their role beside others. What none of them names stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::usage;

/// Fields of a registry in the file.
pub(super) const FIELDS: [&str; 3] = ["iamPolicy", "iamBindings", "iamMembers"];

/// Members by role.
type Bindings = BTreeMap<String, BTreeSet<String>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentPolicy {
    bindings: Vec<Binding>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Binding {
    role: String,
    members: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    role: String,
    member: String,
}

/// What the file says.
#[derive(Debug)]
pub(super) struct Wanted {
    whole: Option<Bindings>,
    roles: Bindings,
    members: Bindings,
}

/// A policy that becomes another.
#[derive(Debug)]
pub(super) struct Replaced {
    from: Bindings,
    to: Bindings,
    etag: Value,
}

fn collect(pairs: impl IntoIterator<Item = (String, Vec<String>)>) -> Bindings {
    let mut bindings = Bindings::new();
    for (role, members) in pairs {
        bindings.entry(role).or_default().extend(members);
    }
    bindings
}

fn field<T: for<'de> Deserialize<'de>>(fields: &mut Map<String, Value>, name: &str, of: &str) -> Result<Option<T>> {
    let read = |value| serde_json::from_value(value).map_err(|e| usage(format!("`{name}` of {of}: {e}")));
    fields.remove(name).map(read).transpose()
}

impl Wanted {
    /// Takes its fields out of those of a registry; `None` when the file says nothing of a policy.
    pub(super) fn read(fields: &mut Map<String, Value>, of: &str) -> Result<Option<Self>> {
        let whole: Option<SentPolicy> = field(fields, FIELDS[0], of)?;
        let roles: Option<Vec<Binding>> = field(fields, FIELDS[1], of)?;
        let members: Option<Vec<Member>> = field(fields, FIELDS[2], of)?;
        if whole.is_none() && roles.is_none() && members.is_none() {
            return Ok(None);
        }
        let bindings = |of: Vec<Binding>| collect(of.into_iter().map(|binding| (binding.role, binding.members)));
        Ok(Some(Self {
            whole: whole.map(|policy| bindings(policy.bindings)),
            roles: bindings(roles.unwrap_or_default()),
            members: collect(members.unwrap_or_default().into_iter().map(|one| (one.role, vec![one.member]))),
        }))
    }

    /// What becomes of the policy that is there, as the API answers it; `None` when it is as the file says.
    pub(super) fn change(&self, there: &Value) -> Option<Replaced> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = there["bindings"].as_array().into_iter().flatten();
        let members = |row: &Value| row["members"].as_array().into_iter().flatten().map(text).collect();
        let from = collect(rows.map(|row| (text(&row["role"]), members(row))));
        let mut to = self.whole.as_ref().unwrap_or(&from).clone();
        to.extend(self.roles.clone());
        for (role, members) in &self.members {
            to.entry(role.clone()).or_default().extend(members.iter().cloned());
        }
        to.retain(|_, members| !members.is_empty());
        (from != to).then(|| Replaced { from, to, etag: there["etag"].clone() })
    }
}

impl Replaced {
    /// The body that puts it in the place of the one that was compared, and of no other.
    pub(super) fn body(&self) -> Value {
        let bindings: Vec<_> = self.to.iter().map(|(role, members)| json!({ "role": role, "members": members })).collect();
        json!({ "policy": { "etag": self.etag, "bindings": bindings } })
    }
}

/// A line for each member that comes or goes.
impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = |of: &Bindings| -> BTreeSet<(String, String)> {
            of.iter().flat_map(|(role, members)| members.iter().map(|member| (role.clone(), member.clone()))).collect()
        };
        let (from, to) = (pairs(&self.from), pairs(&self.to));
        from.difference(&to).try_for_each(|(role, member)| writeln!(f, "    - {role}: {}", member.escape_debug()))?;
        to.difference(&from).try_for_each(|(role, member)| writeln!(f, "    + {role}: {}", member.escape_debug()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(fields: Value) -> Wanted {
        let Value::Object(mut fields) = fields else { panic!("no object") };
        Wanted::read(&mut fields, "registry `r`").unwrap().unwrap()
    }

    fn there() -> Value {
        json!({ "etag": "AQ==", "bindings": [{ "role": "a", "members": ["x", "y"] }, { "role": "b", "members": ["x"] }] })
    }

    #[test]
    fn a_policy_is_whole_a_binding_is_a_whole_role_and_a_member_comes_beside_others() {
        let to = |fields: Value| wanted(fields).change(&there()).map(|change| change.body()["policy"]["bindings"].clone());
        let row = |role: &str, members: &[&str]| json!({ "role": role, "members": members });
        assert_eq!(to(json!({ "iamPolicy": { "bindings": [row("c", &["z"])] } })), Some(json!([row("c", &["z"])])));
        assert_eq!(to(json!({ "iamBindings": [row("a", &["z"])] })), Some(json!([row("a", &["z"]), row("b", &["x"])])));
        assert_eq!(to(json!({ "iamBindings": [row("a", &[])] })), Some(json!([row("b", &["x"])])));
        let member = |role: &str, member: &str| json!({ "iamMembers": [{ "role": role, "member": member }] });
        assert_eq!(to(member("b", "z")), Some(json!([row("a", &["x", "y"]), row("b", &["x", "z"])])));
        assert_eq!(to(member("a", "y")), None, "it is there");
        assert_eq!(to(json!({ "iamPolicy": { "bindings": [row("b", &["x"]), row("a", &["y", "x"])] } })), None, "order is nothing");
        assert_eq!(to(json!({ "iamPolicy": { "bindings": [] } })), Some(json!([])));
    }

    #[test]
    fn who_comes_and_who_goes_is_shown_and_the_etag_is_that_of_what_was_compared() {
        let change = wanted(json!({ "iamBindings": [{ "role": "a", "members": ["y", "z"] }] })).change(&there()).unwrap();
        assert_eq!(change.to_string(), "    - a: x\n    + a: z\n");
        assert_eq!(change.body()["policy"]["etag"], "AQ==");
    }

    #[test]
    fn a_condition_and_a_misspelt_field_are_refused_by_name() {
        for (fields, says) in [
            (
                json!({ "iamBindings": [{ "role": "a", "members": [], "condition": {} }] }),
                "`iamBindings` of registry `r`: unknown field `condition`",
            ),
            (json!({ "iamPolicy": { "binding": [] } }), "unknown field `binding`"),
            (json!({ "iamMembers": [{ "role": "a" }] }), "missing field `member`"),
        ] {
            let Value::Object(mut fields) = fields else { panic!("no object") };
            let refused = Wanted::read(&mut fields, "registry `r`").unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
