//! Methods 18 and 19: the configurations and states that are kept.

use axum::Json;
use axum::extract::State;
use domain::DomainError;
use edge::{ApiError, PathParams, Query};

use crate::convert::device::{config_to_pb, state_to_pb};
use crate::devices::find;
use crate::{Deps, pb};

pub(super) async fn versions(
    State(deps): State<Deps>,
    path: PathParams,
    query: Query,
) -> Result<Json<pb::ListDeviceConfigVersionsResponse>, ApiError> {
    let kept = how_many("num_versions", query.number("numVersions")?)?;
    let key = find(&deps, &path.device()?).await?.value.key;
    let history = deps.stores.configs.get(&key.to_string()).await?.map(|h| h.value.versions).unwrap_or_default();
    Ok(Json(pb::ListDeviceConfigVersionsResponse { device_configs: history.iter().take(kept).map(config_to_pb).collect() }))
}

pub(super) async fn states(
    State(deps): State<Deps>,
    path: PathParams,
    query: Query,
) -> Result<Json<pb::ListDeviceStatesResponse>, ApiError> {
    let kept = how_many("num_states", query.number("numStates")?)?;
    let key = find(&deps, &path.device()?).await?.value.key;
    let history = deps.stores.states.get(&key.to_string()).await?.map(|h| h.value.states).unwrap_or_default();
    Ok(Json(pb::ListDeviceStatesResponse { device_states: history.iter().take(kept).map(state_to_pb).collect() }))
}

/// 0 and absent are all that are kept.
fn how_many(field: &str, given: Option<i32>) -> Result<usize, DomainError> {
    match usize::try_from(given.unwrap_or(0)) {
        Ok(0) => Ok(usize::MAX),
        Ok(n) => Ok(n),
        Err(_) => Err(DomainError::invalid(field, format!("{field} {} is negative; 0 stands for all", given.unwrap_or(0)))),
    }
}
