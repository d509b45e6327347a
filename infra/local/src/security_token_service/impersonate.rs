//! `POST /v1/projects/-/serviceAccounts/{email}:generateAccessToken`: a token of a service account.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Principal;
use super::error::Google;
use super::exchange::SCOPE_PREFIX;
use super::faults::Asked;
use super::grant::Grant;
use super::{BODY_LIMIT, MAX_LIFE_SECS, SecurityTokenService, policy};

/// This service.
const SERVICE: &str = "iamcredentials.googleapis.com";
/// One of these lets its holder ask.
const ENOUGH: [&str; 2] = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/iam"];

/// What its holder may.
const GET_ACCESS_TOKEN: &str = "iam.serviceAccounts.getAccessToken";

#[derive(Deserialize)]
struct Asks {
    #[serde(default)]
    scope: Vec<String>,
    lifetime: Option<String>,
}

pub(super) async fn generate_access_token(
    State(sts): State<Arc<SecurityTokenService>>,
    Path(call): Path<String>,
    request: Request,
) -> Response {
    if let Some(fault) = sts.faults.meet(Asked::Impersonation).await {
        return fault;
    }
    match impersonate(&sts, &call, request).await {
        Ok(body) => Json(body).into_response(),
        Err(e) => e.into_response(),
    }
}

async fn impersonate(sts: &SecurityTokenService, call: &str, request: Request) -> Result<Value, Google> {
    let verb = |v: &str| call.strip_suffix(v).filter(|email| !email.contains('/'));
    let account = verb(":generateAccessToken").or_else(|| verb("/~generateAccessToken"));
    let account = account.ok_or_else(|| Google::not_found("the stand-in has no such method"))?;
    let caller = bearer(request.headers()).and_then(|token| sts.holder(token, SERVICE)).ok_or_else(Google::unauthenticated)?;
    if !caller.has_scope(&ENOUGH) {
        return Err(Google::out_of_scope(SERVICE));
    }
    if !sts.policy.allows(&caller.principal, GET_ACCESS_TOKEN, &policy::service_account(account)) {
        return Err(Google::no_role(&caller.principal.to_string(), GET_ACCESS_TOKEN, &policy::service_account(account)));
    }
    let body = to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|e| Google::invalid(e.to_string()))?;
    let asks: Asks = serde_json::from_slice(&body).map_err(|e| Google::invalid(format!("Invalid JSON payload received. {e}")))?;
    let life = life(asks.lifetime.as_deref())?;
    if asks.scope.is_empty() || !asks.scope.iter().all(|s| s.starts_with(SCOPE_PREFIX)) {
        return Err(Google::invalid(format!("Invalid OAuth scope or ID token audience provided: {:?}", asks.scope)));
    }
    let principal = Principal::ServiceAccount(account.to_owned());
    let grant = Grant { principal, scope: asks.scope.join(" "), expires_at: sts.now() + life, boundary: None };
    let token = sts.grants.seal(&grant).map_err(Google::invalid)?;
    Ok(json!({ "accessToken": token, "expireTime": grant.expires_at.to_string() }))
}

/// The token in the `authorization` header; the scheme in any case, as RFC 9110, section 11.1 has it.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// `3600s`, the longest there is and the default.
fn life(given: Option<&str>) -> Result<Duration, Google> {
    let Some(given) = given else { return Ok(Duration::from_secs(MAX_LIFE_SECS.unsigned_abs())) };
    let secs = given.strip_suffix('s').and_then(|n| n.parse::<u64>().ok()).filter(|n| (1..=MAX_LIFE_SECS.unsigned_abs()).contains(n));
    secs.map(Duration::from_secs).ok_or_else(|| Google::invalid(format!("lifetime `{given}` is not between 1s and {MAX_LIFE_SECS}s")))
}
