//! `setState`.

use axum::Json;
use axum::extract::State;
use edge::{ApiError, JsonBody, decode_base64};
use serde_json::{Value, json};

use super::admit::Admitted;
use super::body::SetState;
use crate::FanOut;

pub(super) async fn set_state(
    State(deps): State<FanOut>,
    admitted: Admitted,
    JsonBody(sent): JsonBody<SetState>,
) -> Result<Json<Value>, ApiError> {
    let speaker = admitted.speaker(&deps, sent.gateway_info).await?;
    let data = decode_base64("state.binary_data", &sent.state.binary_data)?;
    match deps.state(&speaker, data.into()).await {
        Ok(()) => Ok(Json(json!({}))),
        Err(e) => {
            let error = ApiError::from(e);
            deps.note(&speaker, "STATE", &error).await;
            Err(error)
        }
    }
}
