//! `POST /token`: OAuth 2.0 Token Exchange (RFC 8693).
//!
//! | parameter | |
//! | --- | --- |
//! | `grant_type` | `urn:ietf:params:oauth:grant-type:token-exchange` |
//! | `subject_token` | the device's JWT |
//! | `subject_token_type` | `urn:ietf:params:oauth:token-type:jwt` |
//! | `audience` or `resource` | the device, see `target` |
//! | `scope` | required: there is no default, so that nobody gets more than was asked for |
//! | `requested_token_type` | absent, or `urn:ietf:params:oauth:token-type:access_token` |
//! | `service_account` (ours) | the account to act as; without, the device itself |
//!
//! No client authentication: the subject token is the proof. `actor_token` is not supported, and refused. Unknown
//! parameters are ignored. A subject token that proves nothing is `invalid_request`, as section 2.2.2 demands.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use domain::token::ScopeError;
use protocol::DeviceName;

use super::admit::{admit, note};
use super::error::OAuthError;
use super::generate::BODY_LIMIT;
use super::granted::{self, ACCESS_TOKEN_TYPE};
use super::params::{Params, is_form};
use super::target;
use crate::Deps;
use crate::exchange::{Wish, exchange};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What was asked for, in full.
struct Asked {
    device: DeviceName,
    subject_token: String,
    wish: Wish,
}

pub(super) async fn token(State(deps): State<Arc<Deps>>, request: Request) -> Result<Response, OAuthError> {
    if !is_form(request.headers()) {
        return Err(OAuthError::invalid_request("send the parameters as `application/x-www-form-urlencoded`"));
    }
    let too_large = |_| OAuthError::invalid_request(format!("the body was cut off or exceeds the limit of {BODY_LIMIT} bytes"));
    let body = to_bytes(request.into_body(), BODY_LIMIT).await.map_err(too_large)?;
    let asked = read(&Params::parse(&body))?;
    let admitted = admit(&deps, &asked.device, &asked.subject_token).await?;
    let scope = asked.wish.scope.clone();
    match exchange(&deps, &admitted, asked.wish).await {
        Ok(granted) => Ok(granted::reply(&granted, &scope)),
        Err(e) => {
            note(&deps, &admitted.device, &e).await;
            Err(e.into())
        }
    }
}

fn read(params: &Params) -> Result<Asked, OAuthError> {
    let one = |name| params.one(name).map_err(OAuthError::invalid_request);
    let needed = |name| one(name)?.ok_or_else(|| OAuthError::invalid_request(format!("parameter `{name}` is missing")));
    match needed("grant_type")? {
        GRANT_TYPE => {}
        other => return Err(OAuthError::new("unsupported_grant_type", format!("grant_type `{}` is not `{GRANT_TYPE}`", shown(other)))),
    }
    let subject_token = needed("subject_token")?.to_owned();
    must_be("subject_token_type", needed("subject_token_type")?, JWT_TYPE)?;
    if let Some(requested) = one("requested_token_type")? {
        must_be("requested_token_type", requested, ACCESS_TOKEN_TYPE)?;
    }
    for actor in ["actor_token", "actor_token_type"] {
        if one(actor)?.is_some() {
            return Err(OAuthError::invalid_request(format!("`{actor}` is not supported: a device speaks for itself")));
        }
    }
    let device = target::device(params)?;
    let scope = one("scope")?.unwrap_or_default().parse();
    let scope = scope.map_err(|e: ScopeError| OAuthError::new("invalid_scope", e.to_string()))?;
    let account = one("service_account")?.map(str::parse).transpose().map_err(|text: String| OAuthError::invalid_request(text))?;
    Ok(Asked { device, subject_token, wish: Wish { scope, account } })
}

/// The device that a body of `POST /token` asks a token for; `None` when it is refused, which is written out too. Nothing
/// is believed: this is for whoever throws bodies at the reader.
pub fn device_of_form(body: &[u8]) -> Option<DeviceName> {
    match read(&Params::parse(body)) {
        Ok(asked) => Some(asked.device),
        Err(refused) => {
            drop(refused.into_response());
            None
        }
    }
}

fn must_be(name: &str, given: &str, expected: &str) -> Result<(), OAuthError> {
    if given == expected { Ok(()) } else { Err(OAuthError::invalid_request(format!("{name} `{}` is not `{expected}`", shown(given)))) }
}

fn shown(value: &str) -> String {
    value.chars().take(128).collect()
}
