//! What a workload identity pool provider reads to trust us: OpenID Connect Discovery 1.0 and our JWK set.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use edge::ApiError;
use serde_json::json;

use crate::Deps;

/// Kept by who asks for an hour: far below the day that a key is published before it signs.
const KEPT: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"))];

pub(super) async fn configuration(State(deps): State<Arc<Deps>>) -> Response {
    let issuer = &deps.issuer_url;
    let body = json!({
        "issuer": issuer.as_str(),
        "jwks_uri": format!("{issuer}/jwks"),
        "token_endpoint": format!("{issuer}/token"),
        "grant_types_supported": ["urn:ietf:params:oauth:grant-type:token-exchange"],
        "token_endpoint_auth_methods_supported": ["none"],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": ["iss", "aud", "sub", "iat", "exp", "project", "location", "registry", "device"],
    });
    (KEPT, Json(body)).into_response()
}

pub(super) async fn jwks(State(deps): State<Arc<Deps>>) -> Result<Response, ApiError> {
    let keys = deps.keys.published().await?;
    Ok((KEPT, Json(json!({ "keys": keys }))).into_response())
}
