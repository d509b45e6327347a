//! Policies of registries: who may do what. A change of one binding is a read, and a write of what was read: of two at once
//! one is refused and says so.

use std::fs;
use std::path::Path;

use anyhow::Result;
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Request;
use crate::error::usage;
use crate::resource::Resource;
use crate::session::Session;

/// A role of a member.
#[derive(Debug, Args)]
pub(crate) struct Binding {
    /// Who: serviceAccount:EMAIL, principal://…, principalSet://… or allAuthenticatedUsers. user:EMAIL and group:EMAIL are kept and grant nothing.
    #[arg(long, value_name = "MEMBER")]
    member: String,
    /// The role: roles/cloudiot.viewer, deviceController, provisioner, editor or admin.
    #[arg(long, value_name = "ROLE")]
    role: String,
}

/// The request for the policy.
pub(crate) fn get(about: &Resource) -> Request {
    Request::new(Method::POST, about).verb("getIamPolicy").body(json!({}))
}

fn set(about: &Resource, policy: &Value) -> Request {
    Request::new(Method::POST, about).verb("setIamPolicy").body(json!({ "policy": policy }))
}

/// Replaces the policy by that of a file in JSON; with an etag in it, only the one that has it.
pub(crate) fn replace(session: &Session, about: &Resource, file: &Path) -> Result<()> {
    let text = fs::read_to_string(file).map_err(|e| usage(format!("file {}: {e}", file.display())))?;
    let refused = |why: &dyn std::fmt::Display| usage(format!("file {} is no policy: {why}", file.display()));
    let policy: Value = serde_json::from_str(&text).map_err(|e| refused(&e))?;
    // What has no `bindings` would take every grant away.
    if !policy["bindings"].is_array() {
        return Err(refused(&"expected {\"bindings\": […]}, as get-iam-policy --json prints it"));
    }
    session.change(&set(about, &policy), |_| format!("Replaced the policy of {about}."))
}

/// What `--curl` cannot know, it says.
const REST_IS_MISSING: &str =
    "# The next request replaces the policy: it needs the etag and the bindings of the answer above, and the change.\n";

impl Binding {
    /// Gives the member the role.
    pub(crate) fn add(self, session: &Session, about: &Resource) -> Result<()> {
        let Some(mut policy) = self.read(session, about)? else { return Ok(()) };
        self.take_out(&mut policy);
        let binding = json!({ "role": self.role, "members": [self.member] });
        match &mut policy["bindings"] {
            Value::Array(bindings) => bindings.push(binding),
            none => *none = json!([binding]),
        }
        let Self { member, role } = &self;
        session.change(&set(about, &policy), |_| format!("`{member}` has {role} on {about} now."))?;
        if member.starts_with("user:") || member.starts_with("group:") {
            eprintln!("`{member}` is kept and grants nothing: no person proves itself to Drawbridge. Name a service account.");
        }
        Ok(())
    }

    /// Takes the role from the member.
    pub(crate) fn remove(self, session: &Session, about: &Resource) -> Result<()> {
        let Some(mut policy) = self.read(session, about)? else { return Ok(()) };
        let Self { member, role } = &self;
        if !self.take_out(&mut policy) {
            return Err(anyhow::anyhow!("`{member}` has no {role} on {about}\nlook who has what: {}", about.show_policy()));
        }
        session.change(&set(about, &policy), |_| format!("`{member}` has {role} on {about} no more."))
    }

    /// The policy; `None` when the requests were printed instead.
    fn read(&self, session: &Session, about: &Resource) -> Result<Option<Value>> {
        let found = session.send(&get(about))?;
        if found.is_none() {
            crate::table::print(REST_IS_MISSING)?;
            session.send(&set(about, &json!({ "bindings": [{ "role": self.role, "members": [self.member] }] })))?;
        }
        Ok(found)
    }

    /// Whether the member had the role.
    fn take_out(&self, policy: &mut Value) -> bool {
        let bindings = policy["bindings"].as_array_mut().into_iter().flatten().filter(|binding| binding["role"] == self.role);
        let mut had = false;
        for members in bindings.filter_map(|binding| binding["members"].as_array_mut()) {
            let before = members.len();
            members.retain(|member| *member != self.member);
            had |= members.len() < before;
        }
        had
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_taken_out_of_its_role_and_of_no_other() {
        let one = |role: &str| Binding { member: "user:a@b.c".into(), role: role.into() };
        let policy =
            json!({"bindings": [{"role": "x", "members": ["user:a@b.c", "user:b@b.c"]}, {"role": "y", "members": ["user:a@b.c"]}]});
        let mut changed = policy.clone();
        assert!(one("x").take_out(&mut changed));
        assert_eq!(changed["bindings"], json!([{"role": "x", "members": ["user:b@b.c"]}, {"role": "y", "members": ["user:a@b.c"]}]));
        for mut other in [changed, json!({"etag": "ACAB"})] {
            let before = other.clone();
            assert!(!one("x").take_out(&mut other));
            assert_eq!(other["bindings"], before["bindings"]);
        }
    }
}
