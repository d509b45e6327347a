//! The reply that carries a token, the same at both doors (RFC 8693, section 2.2.1; what Google STS answers).

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::token::Scope;
use serde_json::json;

use super::error::NOT_STORED;
use crate::exchange::Granted;

/// The one type of token we issue.
pub(super) const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

pub(super) fn reply(granted: &Granted, scope: &Scope) -> Response {
    let body = Json(json!({
        "access_token": granted.token.secret.reveal(),
        "issued_token_type": ACCESS_TOKEN_TYPE,
        "token_type": "Bearer",
        "expires_in": granted.lives.as_secs(),
        "scope": scope.as_str(),
    }));
    (NOT_STORED, body).into_response()
}
