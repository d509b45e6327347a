//! The reply that carries a token, the same at both doors (RFC 8693, section 2.2.1; what Google STS answers).

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::token::Scope;
use edge::{ApiError, Code};
use serde::Serialize;

use super::error::NOT_STORED;
use crate::exchange::Granted;

/// The one type of token we issue.
pub(super) const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";

const JSON: (HeaderName, HeaderValue) = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));

/// What stands in a reply beside token and scope, in bytes, rounded up.
const BESIDE_BYTES: usize = 192;

#[derive(Serialize)]
struct Reply<'a> {
    access_token: &'a str,
    issued_token_type: &'a str,
    token_type: &'a str,
    expires_in: u64,
    scope: &'a str,
}

pub(super) fn reply(granted: &Granted, scope: &Scope) -> Response {
    let token = granted.token.secret.reveal();
    let body = Reply {
        access_token: token,
        issued_token_type: ACCESS_TOKEN_TYPE,
        token_type: "Bearer",
        expires_in: granted.lives.as_secs(),
        scope: scope.as_str(),
    };
    // Written into its place at once: `Json` would begin with 128 bytes and move what it has at each doubling.
    let mut written = Vec::with_capacity(token.len() + scope.as_str().len() + BESIDE_BYTES);
    match serde_json::to_writer(&mut written, &body) {
        Ok(()) => (NOT_STORED, [JSON], written).into_response(),
        Err(e) => ApiError::new(Code::Internal, "the answer could not be written").caused_by(e).into_response(),
    }
}
