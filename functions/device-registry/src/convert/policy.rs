//! IAM policies.

use domain::DomainError;
use domain::iam::{self, Policy};
use domain::ports::Versioned;
use serde::Deserialize;

use crate::mask::Mask;
use crate::pb::google::iam::v1 as api;

/// A `SetIamPolicyRequest`, whose mask in JSON is a text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetRequest {
    policy: Option<api::Policy>,
    #[serde(alias = "update_mask")]
    update_mask: Option<String>,
}

/// A policy as sent, and its etag. What would narrow it and is not looked at here, a condition, is refused.
pub(crate) fn read(sent: &SetRequest) -> Result<(Policy, &[u8]), DomainError> {
    let missing = || DomainError::invalid("policy", "policy is missing: an empty one, `{}`, takes all grants away");
    let policy = sent.policy.as_ref().ok_or_else(missing)?;
    if let Some(text) = sent.update_mask.as_deref().filter(|text| !text.is_empty()) {
        let is_whole = Mask::of_update(Some(text), &["bindings", "etag", "version"])?.covers("bindings");
        let left_out =
            || DomainError::invalid("update_mask", format!("update_mask `{text}` leaves out the bindings: a policy is set whole"));
        is_whole.then_some(()).ok_or_else(left_out)?;
    }
    version("policy.version", policy.version)?;
    if let Some(place) = policy.bindings.iter().position(|b| b.condition.as_ref().is_some_and(|c| *c != Default::default())) {
        let field = format!("policy.bindings[{place}].condition");
        let text = format!("{field} is set: no condition is looked at here, so a grant that has one is not kept");
        return Err(DomainError::invalid(field, text));
    }
    let bindings = policy.bindings.iter().map(|binding| (binding.role.as_str(), binding.members.as_slice()));
    Ok((Policy::read(bindings)?, &policy.etag))
}

/// The versions that IAM knows.
pub(crate) fn version(field: &str, number: i32) -> Result<(), DomainError> {
    match number {
        0 | 1 | 3 => Ok(()),
        _ => Err(DomainError::invalid(field, format!("{field} {number} is not valid: it is 0, 1 or 3"))),
    }
}

/// A policy as it is answered: version 1, because no binding has a condition; without one, the etag alone, as Google has it.
pub(crate) fn to_pb(found: Option<&Versioned<Policy>>) -> api::Policy {
    let binding = |(role, members): (iam::Role, &std::collections::BTreeSet<iam::Member>)| api::Binding {
        role: role.to_string(),
        members: members.iter().map(|member| member.as_str().to_owned()).collect(),
        condition: None,
    };
    api::Policy {
        version: i32::from(found.is_some()),
        bindings: found.into_iter().flat_map(|policy| policy.value.bindings().map(binding)).collect(),
        etag: iam::etag(found.map(|policy| policy.version)),
    }
}
