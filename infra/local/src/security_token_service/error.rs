//! Errors in the shape of each service.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error of STS: `{"error", "error_description"}`, 400.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OAuth(pub(super) &'static str, pub(super) String);

impl OAuth {
    /// The subject token is not good.
    pub(super) fn grant(text: impl Into<String>) -> Self {
        Self("invalid_grant", text.into())
    }
}

impl IntoResponse for OAuth {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0, "error_description": self.1 }))).into_response()
    }
}

/// An error of IAM Credentials: `{"error": {"code", "message", "status"}}`.
#[derive(Debug)]
pub(super) struct Google(StatusCode, &'static str, String);

impl Google {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", text.into())
    }
    pub(super) fn unauthenticated(text: impl Into<String>) -> Self {
        Self(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", text.into())
    }
    pub(super) fn denied(text: impl Into<String>) -> Self {
        Self(StatusCode::FORBIDDEN, "PERMISSION_DENIED", text.into())
    }
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, "NOT_FOUND", text.into())
    }
}

impl IntoResponse for Google {
    fn into_response(self) -> Response {
        let Self(status, name, message) = self;
        let body = json!({ "error": { "code": status.as_u16(), "message": message, "status": name } });
        (status, Json(body)).into_response()
    }
}
