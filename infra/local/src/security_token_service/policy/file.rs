//! A policy as JSON.

use serde::Deserialize;
use serde_json::Value;

use super::{Binding, PolicyError};
use crate::security_token_service::boundary;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentPolicy {
    #[serde(default)]
    bindings: Vec<SentBinding>,
    /// Of Google's storage of it; nothing to us.
    #[serde(rename = "etag")]
    _etag: Option<String>,
    #[serde(rename = "version")]
    _version: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentBinding {
    role: String,
    members: Vec<String>,
    condition: Option<SentCondition>,
}

#[derive(Deserialize)]
struct SentCondition {
    expression: String,
}

/// Google's list says more of each; we need these two.
#[derive(Deserialize)]
struct SentResource {
    resource: String,
    policy: SentPolicy,
}

/// The bindings in `json`; those of a policy alone are on `project`.
pub(super) fn read(json: &str, project: &str) -> Result<Vec<Binding>, PolicyError> {
    let shape = |e: serde_json::Error| PolicyError::Shape(e.to_string());
    let value: Value = serde_json::from_str(json).map_err(shape)?;
    let resources = if value.is_array() {
        serde_json::from_value(value).map_err(shape)?
    } else {
        vec![SentResource { resource: project.to_owned(), policy: serde_json::from_value(value).map_err(shape)? }]
    };
    let mut bindings = Vec::new();
    for SentResource { resource, policy } in resources {
        super::resource::read(&resource)?;
        for sent in policy.bindings {
            bindings.extend(members(&resource, &sent)?);
        }
    }
    Ok(bindings)
}

fn members(resource: &str, sent: &SentBinding) -> Result<Vec<Binding>, PolicyError> {
    let prefixes = sent.condition.as_ref().map_or(Ok(Vec::new()), |c| boundary::prefixes(&c.expression)).map_err(PolicyError::Condition)?;
    let grant = |member: &String| Ok(Binding { prefixes: prefixes.clone(), ..Binding::grant(&sent.role, member, resource)? });
    sent.members.iter().map(grant).collect()
}
