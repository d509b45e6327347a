//! `GET /tokeninfo?access_token=…`: what a token opens, for whoever it was sent to.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};

use super::Principal;
use super::SecurityTokenService;
use super::error::OAuth;

pub(super) async fn tokeninfo(State(sts): State<Arc<SecurityTokenService>>, uri: Uri) -> Result<Json<Value>, OAuth> {
    let mut params = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let token = params.find(|(name, _)| name == "access_token").map(|(_, token)| token).unwrap_or_default();
    let grant = sts.check(&token).ok_or_else(|| OAuth("invalid_token", "Invalid Value".into()))?;
    let life = grant.expires_at.since(sts.now()).as_secs();
    let mut body = json!({ "scope": grant.scope, "exp": grant.expires_at.secs().to_string(), "expires_in": life.to_string() });
    match &grant.principal {
        Principal::ServiceAccount(email) => body["email"] = json!(email),
        Principal::Federated { .. } => body["sub"] = json!(grant.principal.to_string()),
    }
    Ok(Json(body))
}
