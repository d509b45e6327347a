//! Methods 16 to 19: configuration, states, commands.

use axum::Json;
use axum::extract::State;
use domain::ports::{Command, Delivery};
use domain::{DomainError, config};
use edge::{ApiError, Code, JsonBody, PathParams, Query};
use protocol::limits::{MAX_COMMAND_BYTES, MAX_SUBFOLDER_BYTES};
use serde_json::{Value, json};

use crate::convert::device::{config_to_pb, state_to_pb};
use crate::devices::find;
use crate::{Deps, pb};

pub(super) async fn modify(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<pb::ModifyCloudToDeviceConfigRequest>,
) -> Result<Json<pb::DeviceConfig>, ApiError> {
    let key = find(&deps, &path.device()?).await?.value.key;
    let expected = u64::try_from(sent.version_to_update).map_err(|_| {
        ApiError::invalid("version_to_update", format!("version_to_update {} is negative; 0 stands for any", sent.version_to_update))
    })?;
    let expected = (expected != 0).then_some(expected);
    let added = config::update(&deps.stores, &key, sent.binary_data, expected, deps.now()).await?;
    deps.hint(&key).await;
    Ok(Json(config_to_pb(&added)))
}

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

pub(super) async fn send_command(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<pb::SendCommandToDeviceRequest>,
) -> Result<Json<Value>, ApiError> {
    check_command(&sent)?;
    let key = find(&deps, &path.device()?).await?.value.key;
    let command = Command { id: None, subfolder: sent.subfolder, data: sent.binary_data.into() };
    // Programs look for the words "is not subscribed to the commands topic", connected or not.
    let refused = |text: String| Err(ApiError::new(Code::FailedPrecondition, text));
    match deps.commands.deliver(&key, command).await? {
        Delivery::Acknowledged | Delivery::Delivered => Ok(Json(json!({}))),
        Delivery::Refused => refused(format!("device `{}` refused the command", key.id)),
        Delivery::Busy => Err(ApiError::new(Code::ResourceExhausted, format!("device `{}` takes no more commands now", key.id))),
        Delivery::NotSubscribed => refused(format!("device `{}` is not subscribed to the commands topic", key.id)),
        Delivery::NotConnected => refused(format!("device `{0}` is not connected: `{0}` is not subscribed to the commands topic", key.id)),
        Delivery::TimedOut => {
            Err(ApiError::new(Code::DeadlineExceeded, format!("device `{}` did not acknowledge the command in time", key.id)))
        }
    }
}

fn check_command(sent: &pb::SendCommandToDeviceRequest) -> Result<(), ApiError> {
    let (len, subfolder) = (sent.binary_data.len(), &sent.subfolder);
    if len > MAX_COMMAND_BYTES {
        let text = format!("command of {len} bytes exceeds the limit of {MAX_COMMAND_BYTES} bytes");
        return Err(ApiError::invalid("binary_data", text));
    }
    if subfolder.len() > MAX_SUBFOLDER_BYTES || subfolder.contains(['+', '#', '\0']) {
        let shown: String = subfolder.chars().take(64).flat_map(char::escape_debug).collect();
        let text = format!("subfolder `{shown}` is not valid: at most {MAX_SUBFOLDER_BYTES} bytes, without `+`, `#` and NUL");
        return Err(ApiError::invalid("subfolder", text));
    }
    Ok(())
}
