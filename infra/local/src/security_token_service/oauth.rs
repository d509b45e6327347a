//! `POST /oauth2/token`: a service account's signed word becomes an access token (RFC 7523).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Principal;
use super::error::OAuth;
use super::exchange::SCOPE_PREFIX;
use super::faults::Asked;
use super::grant::Grant;
use super::{BODY_LIMIT, MAX_LIFE_SECS, SecurityTokenService};
use domain::Timestamp;

/// Where it is.
pub(super) const PATH: &str = "/oauth2/token";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google's own, which key files name.
const GOOGLE: [&str; 2] = ["https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token"];

pub(super) async fn token(State(sts): State<Arc<SecurityTokenService>>, request: Request) -> Response {
    if let Some(fault) = sts.faults.meet(Asked::Assertion).await {
        return fault;
    }
    match grant(&sts, request).await {
        Ok(body) => Json(body).into_response(),
        Err(e) => e.into_response(),
    }
}

async fn grant(sts: &SecurityTokenService, request: Request) -> Result<Value, OAuth> {
    let body = to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|e| OAuth("invalid_request", e.to_string()))?;
    let params: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let one = |name: &str| params.get(name).map_or("", String::as_str);
    if one("grant_type") != GRANT_TYPE {
        return Err(OAuth("unsupported_grant_type", format!("Invalid grant_type: `{}`", one("grant_type"))));
    }
    let accounts = sts.accounts.as_ref().ok_or_else(|| OAuth::grant("Invalid grant: account not found"))?;
    let now = sts.now();
    let said = accounts.verify(one("assertion"), now).map_err(OAuth::grant)?;
    let audience = said.audience.unwrap_or_default();
    if !GOOGLE.contains(&audience.as_str()) && !is_ours(&sts.base, &audience) {
        return Err(OAuth::grant(format!("Invalid JWT: the audience `{audience}` is not {}{PATH} nor {}.", sts.base, GOOGLE[0])));
    }
    let scope = said.scope.unwrap_or_default();
    if scope.is_empty() || !scope.split(' ').all(|s| s.len() > SCOPE_PREFIX.len() && s.starts_with(SCOPE_PREFIX)) {
        return Err(OAuth("invalid_scope", format!("Invalid OAuth scope or ID token audience provided: `{scope}`.")));
    }
    let expires_at = Timestamp::from_secs(now.secs() + MAX_LIFE_SECS);
    let grant = Grant { principal: Principal::ServiceAccount(said.account), scope, expires_at, boundary: None };
    let token = sts.grants.seal(&grant).map_err(|e| OAuth("server_error", e))?;
    Ok(json!({ "access_token": token, "expires_in": MAX_LIFE_SECS, "token_type": "Bearer" }))
}

/// Our own address, by either name of this machine.
fn is_ours(base: &str, audience: &str) -> bool {
    let Some(of) = audience.strip_suffix(PATH) else { return false };
    !base.is_empty() && (of == base || of.replacen("//localhost:", "//127.0.0.1:", 1) == base)
}
