//! Refusals, to the device and into its record.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::identity::Refusal;
use domain::status::ErrorStatus;
use domain::{DeviceKey, PortError, device};
use edge::{ApiError, Code};
use protocol::DeviceName;

use crate::Deps;

/// The answer to a refused token, which is also kept as the device's last error if there is such a device. What a
/// stranger may cause to be written is bounded by [`domain::status::STRANGER_ERROR_EVERY`].
pub(super) async fn refusal(deps: &Deps, name: &DeviceName, refusal: Refusal) -> ApiError {
    let proved = matches!(refusal, Refusal::Blocked | Refusal::ProtocolDisabled(_));
    let error = timed(deps, refusal.into());
    let noted = async {
        let Some(found) = device::find(&deps.stores, name).await? else { return Ok(()) };
        let (key, status) = (found.value.key, status(&error));
        if proved { deps.statuses.error(&key, status).await } else { deps.statuses.stranger_error(&key, status).await }
    };
    log_unnoted(noted.await);
    error
}

/// Adds the server's time to a 401 that does not say it yet.
pub(super) fn timed(deps: &Deps, error: ApiError) -> ApiError {
    let now = deps.clock.now().to_string();
    let said = error.code() != Code::Unauthenticated || error.message().contains(&now);
    if said { error } else { error.and_say(format!("; the server's time is {now}")) }
}

/// Keeps an error of a device that has proved itself as its last.
pub(super) async fn note(deps: &Deps, device: &DeviceKey, error: &ApiError) {
    log_unnoted(deps.statuses.error(device, status(error)).await);
}

/// 416, as HTTP wants it: the code OUT_OF_RANGE alone would be 400.
pub(super) fn unsatisfiable(size: u64) -> Response {
    let error = ApiError::new(Code::OutOfRange, format!("the range begins behind the end: the object has {size} bytes"));
    let mut body = error.to_json();
    body["code"] = StatusCode::RANGE_NOT_SATISFIABLE.as_u16().into();
    let mut response = (StatusCode::RANGE_NOT_SATISFIABLE, Json(serde_json::json!({ "error": body }))).into_response();
    if let Ok(size) = HeaderValue::from_str(&format!("bytes */{size}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, size);
    }
    response
}

fn status(error: &ApiError) -> ErrorStatus {
    ErrorStatus { code: error.code().number(), message: error.message().to_owned() }
}

/// The device has its answer; that its record misses it is for the log.
fn log_unnoted(noted: Result<(), PortError>) {
    if let Err(e) = noted {
        tracing::warn!(error = %e, "The last error of a device could not be written: {e}");
    }
}
