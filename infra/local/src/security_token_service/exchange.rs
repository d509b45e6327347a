//! `POST /v1/token`: a subject token becomes a federated token, or an access token of ours one that opens less.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::boundary::Boundary;
use super::error::OAuth;
use super::faults::Asked;
use super::grant::Grant;
use super::{BODY_LIMIT, MAX_LIFE_SECS, SecurityTokenService};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SUBJECT_TYPES: [&str; 2] = ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];
/// What all of Google's scopes begin with.
pub(super) const SCOPE_PREFIX: &str = "https://www.googleapis.com/auth/";

pub(super) async fn token(State(sts): State<Arc<SecurityTokenService>>, request: Request) -> Response {
    if let Some(fault) = sts.faults.meet(Asked::Exchange).await {
        return fault;
    }
    match exchange(&sts, request).await {
        Ok(body) => Json(body).into_response(),
        Err(e) => e.into_response(),
    }
}

async fn exchange(sts: &SecurityTokenService, request: Request) -> Result<Value, OAuth> {
    let params = read(request).await?;
    let one = |name: &str| params.get(name).map_or("", String::as_str);
    let expected = |name: &'static str, is_it: bool| {
        if is_it { Ok(()) } else { Err(OAuth("invalid_request", format!("Invalid value for \"{name}\": `{}`.", one(name)))) }
    };
    if one("grant_type") != GRANT_TYPE {
        return Err(OAuth("unsupported_grant_type", format!("Unsupported grant type: `{}`.", one("grant_type"))));
    }
    expected("requested_token_type", one("requested_token_type") == ACCESS_TOKEN)?;
    if one("subject_token_type") == ACCESS_TOKEN {
        return downscope(sts, one("subject_token"), one("options"));
    }
    expected("subject_token_type", SUBJECT_TYPES.contains(&one("subject_token_type")))?;
    if one("audience") != sts.provider.name() {
        let text = "The target service indicated by the \"audience\" parameters is invalid.";
        return Err(OAuth("invalid_target", text.into()));
    }
    let scope = one("scope");
    if scope.is_empty() || !scope.split(' ').all(|s| s.len() > SCOPE_PREFIX.len() && s.starts_with(SCOPE_PREFIX)) {
        return Err(OAuth("invalid_scope", format!("`{scope}` is not a valid scope.")));
    }
    let claims = verify(sts, one("subject_token")).await?;
    let now = sts.now();
    let (principal, ends) = sts.provider.admit(&claims, now)?;
    let life = (ends.secs() - now.secs()).min(MAX_LIFE_SECS);
    let grant = Grant { principal, scope: scope.to_owned(), expires_at: Timestamp::from_secs(now.secs() + life), boundary: None };
    let token = sts.grants.seal(&grant).map_err(|e| OAuth("server_error", e))?;
    Ok(json!({ "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": life }))
}

/// The same token behind a Credential Access Boundary, for the rest of its life. Google leaves `expires_in` out too.
fn downscope(sts: &SecurityTokenService, token: &str, options: &str) -> Result<Value, OAuth> {
    let grant = sts.check(token).ok_or_else(|| OAuth::grant("The subject token is not valid."))?;
    if grant.boundary.is_some() {
        return Err(OAuth("invalid_request", "The subject token already has an access boundary.".into()));
    }
    let boundary = Boundary::read(options).map_err(|why| OAuth("invalid_request", why))?;
    let token = sts.grants.seal(&Grant { boundary: Some(boundary), ..grant }).map_err(|e| OAuth("server_error", e))?;
    Ok(json!({ "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer" }))
}

/// A form in snake case, or JSON in camel case, as parameters in snake case.
async fn read(request: Request) -> Result<HashMap<String, String>, OAuth> {
    let invalid = |text: String| OAuth("invalid_request", text);
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    let body = to_bytes(request.into_body(), BODY_LIMIT).await.map_err(|e| invalid(e.to_string()))?;
    if is_form {
        return Ok(form_urlencoded::parse(&body).into_owned().collect());
    }
    let fields: HashMap<String, String> = serde_json::from_slice(&body).map_err(|e| invalid(format!("Invalid JSON: {e}")))?;
    Ok(fields.into_iter().map(|(name, value)| (snake(&name), value)).collect())
}

fn snake(name: &str) -> String {
    name.chars().flat_map(|c| [c.is_ascii_uppercase().then_some('_'), Some(c.to_ascii_lowercase())]).flatten().collect()
}

/// The claims of a token that the issuer signed.
async fn verify(sts: &SecurityTokenService, token: &str) -> Result<Value, OAuth> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| OAuth::grant("Error parsing the ID Token."))?;
    if ![Algorithm::ES256, Algorithm::RS256].contains(&header.alg) {
        return Err(OAuth::grant(format!("The ID Token algorithm {:?} is not supported.", header.alg)));
    }
    let kid = header.kid.ok_or_else(|| OAuth::grant("The ID Token header has no `kid`."))?;
    let key = sts.issuer_keys.find(&kid).await.map_err(|e| {
        tracing::warn!(error = %e, "The issuer's keys could not be fetched: {e}");
        OAuth::grant("Error connecting to the given credential's issuer.")
    })?;
    let key = key.ok_or_else(|| OAuth::grant(format!("No key `{kid}` in the issuer's JWK set.")))?;
    claims(token, &key, header.alg).ok_or_else(|| OAuth::grant("Invalid ID Token signature."))
}

/// The algorithm is that of the key; a token that names another has no good signature.
fn claims(token: &str, key: &Jwk, algorithm: Algorithm) -> Option<Value> {
    let fits = key.common.key_algorithm.is_none_or(|a| a.to_string() == format!("{algorithm:?}"));
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode(token, &DecodingKey::from_jwk(key).ok()?, &validation).ok()?;
    fits.then_some(decoded.claims)
}
