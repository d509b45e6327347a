//! `POST /v1/V:modifyCloudToDeviceConfig`.

use axum::Json;
use axum::extract::State;
use domain::config;
use edge::{ApiError, JsonBody, PathParams, decode_base64};
use serde_json::Value;

use crate::body::ModifyConfig;
use crate::{Deps, view};

pub(super) async fn modify(
    State(deps): State<Deps>,
    path: PathParams,
    JsonBody(sent): JsonBody<ModifyConfig>,
) -> Result<Json<Value>, ApiError> {
    let data = decode_base64("binary_data", &sent.binary_data)?;
    let to = deps.recipient(&path.device()?).await?;
    let expected = u64::try_from(sent.version_to_update).map_err(|_| {
        ApiError::invalid("version_to_update", format!("version_to_update {} is negative; 0 stands for any", sent.version_to_update))
    })?;
    let expected = (expected != 0).then_some(expected);
    deps.check_configurable(&to.key).await?;
    let added = config::update(&deps.stores, &to.key, data, expected, deps.now()).await?;
    edge::hint(&*deps.commands, &to.key).await;
    Ok(Json(view::config(&added)))
}
