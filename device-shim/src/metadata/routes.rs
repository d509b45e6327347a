//! The paths, and who may ask.

use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::Served;
use crate::access_token::{AccessTokenError, Wish};

/// The header that a caller has to send, and that every answer carries.
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");
const GOOGLE: HeaderValue = HeaderValue::from_static("Google");
/// Longest `scopes` of a request. The token service takes 2 KiB.
const MAX_SCOPES_BYTES: usize = 2048;

const ACCOUNTS: &str = "/computeMetadata/v1/instance/service-accounts";

pub(super) fn router(served: Served) -> Router {
    let account = format!("{ACCOUNTS}/{{account}}");
    Router::new()
        .route("/", get(async || "computeMetadata/\n"))
        .route(&format!("{ACCOUNTS}/"), get(accounts))
        .route(&format!("{account}/"), get(whole))
        .route(&format!("{account}/token"), get(token))
        .route(&format!("{account}/email"), get(async |State(served): State<Served>| served.email().to_owned()))
        .route(&format!("{account}/scopes"), get(async |State(served): State<Served>| served.default.scope.replace(' ', "\n") + "\n"))
        .route(&format!("{account}/aliases"), get(async || "default\n"))
        .route("/computeMetadata/v1/project/project-id", get(async |State(served): State<Served>| served.project.to_string()))
        .route("/computeMetadata/v1/universe/universe-domain", get(async || "googleapis.com"))
        .fallback(not_served)
        .layer(middleware::from_fn_with_state(served.clone(), guard))
        .with_state(served)
}

/// As the real one: only who knows whom it asks gets an answer, and nobody on behalf of another.
async fn guard(State(served): State<Served>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let names_us = headers.get(FLAVOR).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"google"));
    let path = request.uri().path();
    let account = path.strip_prefix(ACCOUNTS).and_then(|rest| rest.split('/').nth(1)).filter(|account| !account.is_empty());
    let mut answer = if is_forwarded(headers) {
        refuse(StatusCode::FORBIDDEN, "requests that were forwarded (X-Forwarded-For) or come from a web page (Origin) get nothing here")
    } else if path != "/" && !names_us {
        refuse(StatusCode::FORBIDDEN, "the request lacks the header `Metadata-Flavor: Google`")
    } else if account.is_some_and(|account| account != "default" && account != served.email()) {
        let text = format!("there is no service account `{}` here: ask for `default`", account.unwrap_or_default());
        refuse(StatusCode::NOT_FOUND, &text)
    } else {
        next.run(request).await
    };
    let headers = answer.headers_mut();
    headers.insert(FLAVOR, GOOGLE);
    headers.insert(header::SERVER, HeaderValue::from_static("Metadata Server for VM"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key("x-forwarded-for") || headers.contains_key(header::ORIGIN)
}

#[derive(Deserialize)]
struct Asked {
    scopes: Option<String>,
}

async fn token(State(served): State<Served>, Query(asked): Query<Asked>) -> Response {
    let scope = match asked.scopes.as_deref().map(|scopes| scopes.replace(',', " ")) {
        Some(scope) if scope.len() > MAX_SCOPES_BYTES => {
            let text = format!("`scopes` has {} bytes; it may have {MAX_SCOPES_BYTES}", scope.len());
            return refuse(StatusCode::BAD_REQUEST, &text);
        }
        Some(scope) if !scope.trim().is_empty() => scope.trim().to_owned(),
        _ => served.default.scope.clone(),
    };
    match served.cache.get(&Wish { scope, ..served.default.clone() }).await {
        Ok(token) => axum::Json(token.to_json()).into_response(),
        Err(error) => {
            tracing::warn!(%error, "No token: {error}");
            refuse(code(&error), &error.to_string())
        }
    }
}

async fn accounts(State(served): State<Served>) -> String {
    if served.email() == "default" { "default/\n".into() } else { format!("default/\n{}/\n", served.email()) }
}

/// With `?recursive=true` all but the token, as Google's libraries ask first.
async fn whole(State(served): State<Served>, Query(asked): Query<Recursive>) -> Response {
    if asked.recursive.as_deref().is_none_or(|value| !value.eq_ignore_ascii_case("true")) {
        return "aliases\nemail\nscopes\ntoken\n".into_response();
    }
    let scopes: Vec<&str> = served.default.scope.split(' ').collect();
    axum::Json(json!({ "aliases": ["default"], "email": served.email(), "scopes": scopes })).into_response()
}

#[derive(Deserialize)]
struct Recursive {
    recursive: Option<String>,
}

async fn not_served(request: Request) -> Response {
    let path: String = request.uri().path().chars().take(200).collect();
    refuse(StatusCode::NOT_FOUND, &format!("`{path}` is not served here: this is no Compute Engine machine, only its tokens are"))
}

/// What a caller may try again is told apart from what it may not.
fn code(error: &AccessTokenError) -> StatusCode {
    match error {
        AccessTokenError::Refused { status: 500.. | 429, .. } | AccessTokenError::Unreachable { .. } | AccessTokenError::Answer { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        AccessTokenError::Refused { status: 400, .. } => StatusCode::BAD_REQUEST,
        AccessTokenError::Refused { .. } => StatusCode::FORBIDDEN,
        AccessTokenError::Config(_)
        | AccessTokenError::NoCloud
        | AccessTokenError::Key(_)
        | AccessTokenError::Tls(_)
        | AccessTokenError::Setup(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refuse(code: StatusCode, text: &str) -> Response {
    (code, format!("{text}\n")).into_response()
}
