//! Refusals, to the device and into its record.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use edge::{ApiError, Code, DeviceErrors};

use crate::Deps;

impl Deps {
    /// How devices are answered now.
    pub(super) fn device_errors(&self) -> DeviceErrors<'_> {
        DeviceErrors { stores: &self.stores, statuses: &self.statuses, now: self.clock.now() }
    }
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
