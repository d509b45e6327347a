//! Methods 6 and 7: bindings.

use axum::Json;
use axum::extract::State;
use edge::{ApiError, JsonBody, PathParams};
use serde_json::{Value, json};

use crate::gateways::{self, Pair};
use crate::{Deps, pb};

pub(super) async fn bind(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<pb::BindDeviceToGatewayRequest>,
) -> Result<Json<Value>, ApiError> {
    gateways::bind(&deps, &Pair::read(&path.registry()?, &sent.gateway_id, &sent.device_id)?).await?;
    Ok(Json(json!({})))
}

pub(super) async fn unbind(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<pb::UnbindDeviceFromGatewayRequest>,
) -> Result<Json<Value>, ApiError> {
    gateways::unbind(&deps, &Pair::read(&path.registry()?, &sent.gateway_id, &sent.device_id)?).await?;
    Ok(Json(json!({})))
}
