//! `GET …/config`: the newest configuration, if the device does not have it yet.

use axum::Json;
use axum::extract::State;
use domain::config;
use domain::status::Seen;
use edge::{ApiError, Code, Query, encode_base64};
use serde_json::{Value, json};

use super::admit::Admitted;
use crate::FanOut;

/// `local_version` is what the device has: 0 or absent for nothing. Equal to the newest: the version without data.
/// Higher: OUT_OF_RANGE. The answer counts as sending it (`lastConfigSendTime`).
pub(super) async fn get_config(State(deps): State<FanOut>, admitted: Admitted, query: Query) -> Result<Json<Value>, ApiError> {
    let speaker = admitted.speaker(&deps, None).await?;
    let local: u64 = query.number("localVersion")?.unwrap_or(0);
    let latest = config::latest(&deps.stores, &speaker.key).await?;
    let newest = latest.as_ref().map_or(0, |c| c.version);
    if local > newest {
        let text = format!("local_version {local} is higher than the newest version {newest}");
        return Err(ApiError::new(Code::OutOfRange, text));
    }
    let Some(config) = latest.filter(|c| c.version > local) else {
        return Ok(Json(json!({"version": newest.to_string()})));
    };
    deps.statuses.seen(&speaker.key, Seen::ConfigSend).await?;
    Ok(Json(json!({"version": config.version.to_string(), "binaryData": encode_base64(&config.data)})))
}
