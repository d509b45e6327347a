//! Methods 8 to 10: IAM policies, of a registry and of a group.

use axum::extract::State;
use axum::{Extension, Json};
use domain::iam::PolicyOf;
use edge::{ApiError, Caller, Group, JsonBody, PathParams};
use protocol::{DeviceName, DeviceRef};

use crate::convert::policy as convert;
use crate::pb::google::iam::v1 as api;
use crate::{Deps, policies};

pub(super) async fn get(
    State(deps): State<Deps>,
    path: PathParams,
    group: Option<Extension<Group>>,
    JsonBody(sent): JsonBody<api::GetIamPolicyRequest>,
) -> Result<Json<api::Policy>, ApiError> {
    let version = sent.options.unwrap_or_default().requested_policy_version;
    convert::version("options.requested_policy_version", version)?;
    let found = policies::get(&deps, &policy_of(&path, group)?).await?;
    Ok(Json(convert::to_pb(found.as_ref())))
}

pub(super) async fn set(
    State(deps): State<Deps>,
    path: PathParams,
    group: Option<Extension<Group>>,
    JsonBody(sent): JsonBody<convert::SetRequest>,
) -> Result<Json<api::Policy>, ApiError> {
    let (policy, etag) = convert::read(&sent)?;
    let written = policies::set(&deps, &policy_of(&path, group)?, policy, etag).await?;
    Ok(Json(convert::to_pb(Some(&written))))
}

/// What has the policy that a path names.
fn policy_of(path: &PathParams, group: Option<Extension<Group>>) -> Result<PolicyOf, ApiError> {
    let registry = path.registry()?;
    Ok(match group {
        Some(Extension(group)) => PolicyOf::Group(registry, group.number()),
        None => PolicyOf::Registry(registry),
    })
}

/// On what is not there nobody has anything: the answer is empty, not NOT_FOUND.
pub(super) async fn test(
    State(deps): State<Deps>,
    path: PathParams,
    Extension(caller): Extension<Caller>,
    JsonBody(sent): JsonBody<api::TestIamPermissionsRequest>,
) -> Result<Json<api::TestIamPermissionsResponse>, ApiError> {
    let is_there = policies::is_registry(&deps, &path.registry()?).await?;
    tested(&caller, &sent, is_there).await
}

pub(super) async fn test_of_group(
    State(deps): State<Deps>,
    path: PathParams,
    Extension(caller): Extension<Caller>,
    JsonBody(sent): JsonBody<api::TestIamPermissionsRequest>,
) -> Result<Json<api::TestIamPermissionsResponse>, ApiError> {
    let registry = path.registry()?;
    let is_there = match path.get::<DeviceRef>("group") {
        Ok(device) => policies::is_group(&deps, &DeviceName { registry, device }).await?,
        Err(_) => false,
    };
    tested(&caller, &sent, is_there).await
}

async fn tested(
    caller: &Caller,
    sent: &api::TestIamPermissionsRequest,
    is_there: bool,
) -> Result<Json<api::TestIamPermissionsResponse>, ApiError> {
    let asked = policies::asked(&sent.permissions)?;
    let held = if is_there { caller.held(&asked).await? } else { Vec::new() };
    let permissions = asked.into_iter().filter(|permission| held.contains(permission)).map(str::to_owned).collect();
    Ok(Json(api::TestIamPermissionsResponse { permissions }))
}
