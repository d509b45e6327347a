//! The reply that carries a token, the same at both doors (RFC 8693, section 2.2.1; what Google STS answers).

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::token::Scope;
use serde::Serialize;

use super::error::NOT_STORED;
use crate::exchange::Granted;

/// The one type of token we issue.
pub(super) const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

#[derive(Serialize)]
struct Reply<'a> {
    access_token: &'a str,
    issued_token_type: &'a str,
    token_type: &'a str,
    expires_in: u64,
    scope: &'a str,
}

pub(super) fn reply(granted: &Granted, scope: &Scope) -> Response {
    let body = Json(Reply {
        access_token: granted.token.secret.reveal(),
        issued_token_type: ACCESS_TOKEN_TYPE,
        token_type: "Bearer",
        expires_in: granted.lives.as_secs(),
        scope: scope.as_str(),
    });
    (NOT_STORED, body).into_response()
}
