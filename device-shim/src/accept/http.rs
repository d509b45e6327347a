//! HTTP on loopback.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /v1/events[/subfolder…]`, the body is the payload | 200 `{"boot":1,"seq":2}` once it is durable |
//! | `POST /v1/state` | the same |
//! | `POST /v1/{device}:publishEvent`, `:setState` as Cloud IoT Core's HTTP bridge | the same |
//! | `GET /v1/config` | the last configuration known, 404 before there was one |
//! | `GET /status` | [`crate::status::Report`] |
//! | `GET /metrics` | the same numbers for Prometheus |
//!
//! Refusals are `{"error":"…"}`: 400 for a bad subfolder or body, 413 for a large payload, 507 when the spool is full,
//! 503 when the disk fails. Requests that a browser makes for a page are refused with 403: pages are not sensors.

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use protocol::exposition;
use protocol::limits::MAX_EVENT_BYTES;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

use super::{Intake, Refusal};
use crate::downlink::Downlink;
use crate::spool::{Reading, SpoolError};
use crate::status::Sources;

/// Room for a payload of 256 KiB as base64 in JSON.
const MAX_BODY_BYTES: usize = MAX_EVENT_BYTES * 4 / 3 + 16 * 1024;

/// What the handlers need.
#[derive(Clone)]
pub struct Deps {
    /// Where readings go.
    pub intake: Intake,
    /// What the status is made of.
    pub status: Sources,
    /// Where the configuration is.
    pub downlink: Arc<Downlink>,
}

/// All routes.
pub fn router(deps: Deps) -> Router {
    Router::new()
        .route("/v1/events", post(event))
        .route("/v1/events/{*subfolder}", post(event_in_subfolder))
        .route("/v1/state", post(state))
        .route("/v1/config", get(config))
        .route("/v1/{*path}", post(cloud_iot))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(no_pages))
        .with_state(deps)
}

/// A page in a browser on this machine could post to loopback too.
async fn no_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::ORIGIN) {
        return refuse(StatusCode::FORBIDDEN, "requests from web pages are not taken: send it without an `origin` header");
    }
    next.run(request).await
}

async fn event(State(deps): State<Deps>, body: Result<Bytes, axum::extract::rejection::BytesRejection>) -> Response {
    take(&deps, body, |payload| deps.intake.event("", payload)).await
}

async fn event_in_subfolder(
    State(deps): State<Deps>,
    Path(subfolder): Path<String>,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    take(&deps, body, |payload| deps.intake.event(&subfolder, payload)).await
}

async fn state(State(deps): State<Deps>, body: Result<Bytes, axum::extract::rejection::BytesRejection>) -> Response {
    take(&deps, body, |payload| deps.intake.state(payload)).await
}

async fn take(
    deps: &Deps,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
    read: impl FnOnce(Bytes) -> Result<Reading, Refusal>,
) -> Response {
    match body {
        Ok(payload) => keep(deps, read(payload)).await,
        Err(_) => too_large(),
    }
}

async fn keep(deps: &Deps, reading: Result<Reading, Refusal>) -> Response {
    let kept = match reading {
        Ok(reading) => deps.intake.keep(reading).await,
        Err(refusal) => Err(refusal),
    };
    match kept {
        Ok(id) => Json(json!({"boot": id.boot, "seq": id.seq})).into_response(),
        Err(refusal) => refuse(code(&refusal), &refusal.to_string()),
    }
}

/// The two calls of Cloud IoT Core's HTTP bridge that send; anything else is not found.
async fn cloud_iot(State(deps): State<Deps>, Path(path): Path<String>, body: Bytes) -> Response {
    let Some((device, verb)) = path.rsplit_once(':').filter(|(device, _)| **device == *deps.status.device) else {
        let text = format!("`/v1/{path}` is not served here: use /v1/events, /v1/state or /v1/{}:publishEvent", deps.status.device);
        return refuse(StatusCode::NOT_FOUND, &text);
    };
    let reading = match (verb, serde_json::from_slice::<CloudIot>(&body)) {
        ("publishEvent", Ok(CloudIot { binary_data: Some(data), sub_folder, .. })) => {
            decode(&data).map(|payload| deps.intake.event(&sub_folder, payload))
        }
        ("setState", Ok(CloudIot { state: Some(StateData { binary_data: data }), .. })) => {
            decode(&data).map(|payload| deps.intake.state(payload))
        }
        ("publishEvent" | "setState", Ok(_)) => Err("the body has no `binaryData`".to_owned()),
        ("publishEvent" | "setState", Err(error)) => Err(format!("the body is not JSON of {verb}: {error}")),
        _ => return refuse(StatusCode::NOT_FOUND, &format!("`:{verb}` of `{device}` is not served here: use :publishEvent or :setState")),
    };
    match reading {
        Ok(reading) => keep(&deps, reading).await,
        Err(text) => refuse(StatusCode::BAD_REQUEST, &text),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CloudIot {
    #[serde(alias = "binary_data")]
    binary_data: Option<String>,
    #[serde(default, alias = "sub_folder")]
    sub_folder: String,
    state: Option<StateData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateData {
    #[serde(alias = "binary_data")]
    binary_data: String,
}

/// Both alphabets: Google's samples sent either.
fn decode(data: &str) -> Result<Bytes, String> {
    let decoded = STANDARD.decode(data).or_else(|_| URL_SAFE.decode(data));
    decoded.map(Bytes::from).map_err(|error| format!("`binaryData` is not base64: {error}"))
}

async fn config(State(deps): State<Deps>) -> Response {
    match deps.downlink.config().borrow().clone() {
        Some(payload) => ([(header::CONTENT_TYPE, "application/octet-stream")], payload).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "the cloud has not sent a configuration yet"),
    }
}

async fn status(State(deps): State<Deps>, headers: HeaderMap) -> Response {
    match deps.status.report().await {
        Ok(report) if headers.get(header::ACCEPT).is_some_and(|accept| accept == "text/plain") => report.to_string().into_response(),
        Ok(report) => Json(report).into_response(),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn metrics(State(deps): State<Deps>) -> Response {
    match deps.status.report().await {
        Ok(report) => ([(header::CONTENT_TYPE, exposition::CONTENT_TYPE)], report.metrics()).into_response(),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

fn too_large() -> Response {
    let text = format!("the body exceeds {MAX_BODY_BYTES} bytes; an event may have {MAX_EVENT_BYTES} bytes");
    refuse(StatusCode::PAYLOAD_TOO_LARGE, &text)
}

fn code(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Topic(_) | Refusal::OtherDevice { .. } | Refusal::Qos | Refusal::Spool(SpoolError::Reading(_)) => StatusCode::BAD_REQUEST,
        Refusal::Spool(SpoolError::QuotaFull { .. } | SpoolError::DiskFull) => StatusCode::INSUFFICIENT_STORAGE,
        Refusal::Spool(SpoolError::Storage(_) | SpoolError::Closed) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn refuse(code: StatusCode, text: &str) -> Response {
    (code, Json(json!({ "error": text }))).into_response()
}
