//! Refusals in the two shapes that callers read: Google's, and that of RFC 6749, section 5.2.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge::{ApiError, Code};
use serde_json::json;

use super::admit::NotAdmitted;
use crate::ExchangeError;

impl From<ExchangeError> for ApiError {
    fn from(e: ExchangeError) -> Self {
        match e {
            ExchangeError::NotAllowed { .. } | ExchangeError::Refused { .. } => Self::new(Code::PermissionDenied, e.to_string()),
            ExchangeError::Scope { .. } | ExchangeError::Unbounded { .. } => Self::invalid("scope", e.to_string()),
            ExchangeError::Busy { .. } => Self::new(Code::ResourceExhausted, e.to_string()),
            ExchangeError::Port(e) => e.into(),
        }
    }
}

/// A refusal in Google's shape.
pub(super) struct GoogleError {
    error: ApiError,
    retry_after: Option<Duration>,
}

impl GoogleError {
    /// The same, with `more` said after it; a failure of ours is not explained by what the caller sent.
    pub(super) fn and_say(self, more: &str) -> Self {
        let is_theirs = self.error.code() == Code::Unauthenticated;
        Self { error: if is_theirs { self.error.and_say(more) } else { self.error }, ..self }
    }
}

impl From<NotAdmitted> for GoogleError {
    fn from(why: NotAdmitted) -> Self {
        match why {
            NotAdmitted::Refused(error) => error.into(),
            NotAdmitted::Port(e) => ApiError::from(e).into(),
        }
    }
}

impl From<ApiError> for GoogleError {
    fn from(error: ApiError) -> Self {
        Self { error, retry_after: None }
    }
}

impl From<ExchangeError> for GoogleError {
    fn from(e: ExchangeError) -> Self {
        Self { retry_after: retry_after(&e), error: e.into() }
    }
}

impl IntoResponse for GoogleError {
    fn into_response(self) -> Response {
        with_retry_after(self.error.into_response(), self.retry_after)
    }
}

/// A refusal of `/token`: `{"error", "error_description"}`.
pub(super) struct OAuthError {
    status: StatusCode,
    code: &'static str,
    description: String,
    retry_after: Option<Duration>,
}

impl OAuthError {
    /// 400 with one of the registered codes.
    pub(super) fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description: description.into(), retry_after: None }
    }
    /// The request itself cannot be understood, or the subject token proves nothing: both are this code by RFC 8693,
    /// section 2.2.2.
    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    fn ours(e: domain::PortError) -> Self {
        let passing = e.is_retryable();
        let error = ApiError::from(e);
        let code = if passing { "temporarily_unavailable" } else { "server_error" };
        Self { status: error.code().http(), code, description: error.message().to_owned(), retry_after: None }
    }
}

impl From<NotAdmitted> for OAuthError {
    fn from(why: NotAdmitted) -> Self {
        match why {
            NotAdmitted::Refused(error) => Self::invalid_request(error.message()),
            NotAdmitted::Port(e) => Self::ours(e),
        }
    }
}

impl From<ExchangeError> for OAuthError {
    fn from(e: ExchangeError) -> Self {
        let text = e.to_string();
        let retry_after = retry_after(&e);
        match e {
            ExchangeError::Scope { .. } | ExchangeError::Unbounded { .. } => Self::new("invalid_scope", text),
            // "Unwilling or unable to issue a token for any target service" (RFC 8693, section 2.2.2).
            ExchangeError::NotAllowed { .. } | ExchangeError::Refused { .. } => Self::new("invalid_target", text),
            ExchangeError::Busy { .. } => {
                Self { status: StatusCode::TOO_MANY_REQUESTS, code: "temporarily_unavailable", description: text, retry_after }
            }
            ExchangeError::Port(e) => Self::ours(e),
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.code, "error_description": describable(&self.description) }));
        with_retry_after((self.status, NOT_STORED, body).into_response(), self.retry_after)
    }
}

/// RFC 6749, section 5.1: what says or holds a token is kept by no cache.
pub(super) const NOT_STORED: [(HeaderName, HeaderValue); 2] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store")), (header::PRAGMA, HeaderValue::from_static("no-cache"))];

/// `error_description` in the characters that RFC 6749, section 5.2 allows: printable ASCII without `"` and `\`.
fn describable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

fn retry_after(e: &ExchangeError) -> Option<Duration> {
    if let ExchangeError::Busy { retry_after } = e { Some(*retry_after) } else { None }
}

fn with_retry_after(mut response: Response, after: Option<Duration>) -> Response {
    if let Some(after) = after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    response
}
