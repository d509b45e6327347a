//! Topics on this machine's disk.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use domain::PortError;
use serde_json::{Value, json};

use super::{TopicPath, admit};
use crate::TopicLog;
use crate::google_apis::GoogleApis;
use crate::security_token_service::error::Google;

pub(super) async fn create(State(apis): State<GoogleApis>, Path(path): Path<TopicPath>, headers: HeaderMap) -> Result<Json<Value>, Google> {
    let topic = admit(&apis, &headers, &path, "pubsub.topics.create")?;
    if !log(&apis)?.create(&topic).await.map_err(failed)? {
        return Err(Google::conflict(format!("Resource already exists in the project (resource={}).", path.topic)));
    }
    Ok(Json(json!({ "name": topic.as_str() })))
}

pub(super) async fn get(State(apis): State<GoogleApis>, Path(path): Path<TopicPath>, headers: HeaderMap) -> Result<Json<Value>, Google> {
    let topic = admit(&apis, &headers, &path, "pubsub.topics.get")?;
    if log(&apis)?.exists(&topic).await.map_err(failed)? { Ok(Json(json!({ "name": topic.as_str() }))) } else { Err(absent(&path)) }
}

/// Messages go with their topic.
pub(super) async fn delete(State(apis): State<GoogleApis>, Path(path): Path<TopicPath>, headers: HeaderMap) -> Result<Json<Value>, Google> {
    let topic = admit(&apis, &headers, &path, "pubsub.topics.delete")?;
    if log(&apis)?.delete(&topic).await.map_err(failed)? { Ok(Json(json!({}))) } else { Err(absent(&path)) }
}

fn log(apis: &GoogleApis) -> Result<&TopicLog, Google> {
    apis.topics.as_ref().ok_or_else(|| Google::unimplemented("the topics of this installation are at Pub/Sub: manage them there"))
}

fn absent(path: &TopicPath) -> Google {
    Google::not_found(format!("Resource not found (resource={}).", path.topic))
}

pub(super) fn failed(e: PortError) -> Google {
    tracing::error!(error = %e, "Pub/Sub of the local stack failed: {e}");
    Google::unavailable(format!("the {} is not available at the moment, try again", e.part))
}
