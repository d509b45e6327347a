//! `/v1/{device}/objects/{bucket}/{object}`, with the device's JWT as `authorization: Bearer`.
//!
//! | method | headers that count | answer |
//! | --- | --- | --- |
//! | GET | `range` (one), `if-range`, `if-none-match` | 200, 206, 304, 416; or 307 to a signed URL where the store can sign, unless `?redirect=false` |
//! | HEAD | `if-none-match` | the same headers, no body, never 307 |
//! | PUT | `content-length`, `x-goog-hash: crc32c=…` | 200 with the object's resource |
//!
//! Replies carry `etag`, `content-length`, `x-goog-generation` and `x-goog-hash: crc32c=…` (of the whole object, big-endian in
//! base64) as Cloud Storage's do, and `date`; a 401 says the server's time. A slash in an object's name may be `%2F`.

mod admit;
mod condition;
mod error;
mod get;
mod headers;
mod put;
mod range;

use axum::Router;
use axum::routing::get;

use crate::Deps;

pub use get::SIGNED_URL_LIFE;

const PATH: &str = "/v1/projects/{project}/locations/{location}/registries/{registry}/devices/{device}/objects/{bucket}/{*object}";

/// The routes, for a host that merges several functions and wraps them once in [`edge::google_paths`].
pub fn routes(deps: Deps) -> Router {
    let object = get(get::get).head(get::head).put(put::put);
    edge::with_date(deps.clock.clone(), Router::new().route(PATH, object).with_state(deps))
}

/// The function alone, at Google's paths.
pub fn router(deps: Deps) -> Router {
    edge::google_paths(routes(deps))
}
