//! Who calls, and whether they may.

use axum::http::HeaderMap;

use crate::SecurityTokenService;
use crate::security_token_service::error::Google;
use crate::security_token_service::impersonate::bearer;
use crate::security_token_service::{Ask, Decision, Grant};

/// What the caller holds, if it lets them.
pub(super) fn admit(sts: &SecurityTokenService, headers: &HeaderMap, ask: &Ask<'_>) -> Result<Grant, Google> {
    let token = bearer(headers).ok_or_else(Google::unauthenticated)?;
    match sts.decide(token, ask) {
        Decision::Allowed(grant) => Ok(grant),
        Decision::Unknown => Err(Google::unauthenticated()),
        Decision::OutOfScope => Err(Google::out_of_scope(ask.service)),
        Decision::Denied(who) => Err(Google::no_role(&who.to_string(), ask.permission, ask.resource)),
    }
}
