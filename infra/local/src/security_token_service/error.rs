//! Errors in the shape of each service.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An error of STS and OAuth: `{"error", "error_description"}`, 400.
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

/// An error of Google's other APIs: `{"error": {"code", "message", "status", "errors", "details"}}`; `errors` is what the
/// older of them, Cloud Storage among them, say.
#[derive(Debug)]
pub(crate) struct Google {
    status: StatusCode,
    name: &'static str,
    /// As in `errors[].reason`.
    reason: &'static str,
    message: String,
    /// A `google.rpc.ErrorInfo`.
    info: Option<Value>,
}

impl Google {
    fn new(status: StatusCode, name: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, reason, message: message.into(), info: None }
    }
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", "invalid", text)
    }
    pub(crate) fn unauthenticated() -> Self {
        let text = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "authError", text)
    }
    pub(crate) fn denied(text: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "forbidden", text)
    }
    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "notFound", text)
    }
    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", "conflict", text)
    }
    pub(crate) fn condition_not_met() -> Self {
        let text = "At least one of the pre-conditions you specified did not hold.";
        Self::new(StatusCode::PRECONDITION_FAILED, "FAILED_PRECONDITION", "conditionNotMet", text)
    }
    pub(crate) fn range(text: impl Into<String>) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "OUT_OF_RANGE", "requestedRangeNotSatisfiable", text)
    }
    pub(crate) fn exhausted(text: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", "rateLimitExceeded", text)
    }
    pub(crate) fn unimplemented(text: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED", "notImplemented", text)
    }
    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "backendError", text)
    }

    /// The token's scopes do not cover `service`.
    pub(crate) fn out_of_scope(service: &str) -> Self {
        let text = "Request had insufficient authentication scopes.";
        let mut error = Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "insufficientPermissions", text);
        error.info = Some(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "domain": "googleapis.com",
            "metadata": { "service": service },
        }));
        error
    }

    /// `who` has no role with `permission` on `resource`.
    pub(crate) fn no_role(who: &str, permission: &str, resource: &str) -> Self {
        let mut error =
            Self::denied(format!("{who} does not have permission '{permission}' on resource '{resource}' (or it may not exist)."));
        error.info = Some(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "IAM_PERMISSION_DENIED",
            "domain": "iam.googleapis.com",
            "metadata": { "permission": permission, "resource": resource },
        }));
        error
    }
}

impl IntoResponse for Google {
    fn into_response(self) -> Response {
        let Self { status, name, reason, message, info } = self;
        let first = json!({ "message": &message, "domain": "global", "reason": reason });
        let mut error = json!({ "code": status.as_u16(), "message": message, "status": name, "errors": [first] });
        if let Some(info) = info {
            error["details"] = json!([info]);
        }
        let mut response = (status, Json(json!({ "error": error }))).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"https://accounts.google.com/\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
