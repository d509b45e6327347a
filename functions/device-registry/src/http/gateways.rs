//! Methods 6 and 7: bindings.

use axum::extract::State;
use axum::{Extension, Json};
use edge::{ApiError, Group, JsonBody, PathParams};
use serde_json::{Value, json};

use crate::gateways::{self, Pair};
use crate::{Deps, pb};

pub(super) async fn bind(
    State(deps): State<Deps>,
    path: PathParams,
    group: Option<Extension<Group>>,
    JsonBody(sent): JsonBody<pb::BindDeviceToGatewayRequest>,
) -> Result<Json<Value>, ApiError> {
    gateways::bind(&deps, &pair(&path, group, &sent.gateway_id, &sent.device_id)?).await?;
    Ok(Json(json!({})))
}

pub(super) async fn unbind(
    State(deps): State<Deps>,
    path: PathParams,
    group: Option<Extension<Group>>,
    JsonBody(sent): JsonBody<pb::UnbindDeviceFromGatewayRequest>,
) -> Result<Json<Value>, ApiError> {
    gateways::unbind(&deps, &pair(&path, group, &sent.gateway_id, &sent.device_id)?).await?;
    Ok(Json(json!({})))
}

/// The two of a body. Below a group the gateway must be the group's.
fn pair(path: &PathParams, group: Option<Extension<Group>>, gateway: &str, device: &str) -> Result<Pair, ApiError> {
    if let Some(Extension(group)) = group {
        group.check(gateway)?;
    }
    Ok(Pair::read(&path.registry()?, gateway, device)?)
}
