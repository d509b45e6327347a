//! Where each method is bound.
//!
//! | method | path | who | answers |
//! | --- | --- | --- | --- |
//! | POST | `/{v1beta1,v1alpha1}/{device}:generateAccessToken` | a device, by its JWT as Bearer | `access_token`, `expires_in`, … |
//! | POST | the same with `projects/P/registries/R/devices/D` for `{device}` | the same | the same, see `placeless` |
//! | POST | `/token` | a device, by its JWT as `subject_token` | the same (RFC 8693) |
//! | GET | `/.well-known/openid-configuration` | anybody | OpenID Connect discovery |
//! | GET | `/jwks` | anybody | our public keys (RFC 7517) |
//!
//! Paths are in the normal form of [`edge::google_paths`]. Every reply carries `Date`, and every refusal of a token says
//! the server's time.

mod admit;
mod discovery;
mod error;
mod generate;
mod granted;
mod params;
mod placeless;
mod target;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Deps;

pub use self::token::device_of_form;

/// The token service was reached under both.
const VERSIONS: [&str; 2] = ["v1beta1", "v1alpha1"];

/// The routes of the token service, for a host that merges several functions and wraps them once in
/// [`edge::google_paths`].
pub fn routes(deps: Deps) -> Router {
    let routes = VERSIONS.iter().fold(Router::new(), |routes, version| {
        let device = format!("/{version}/projects/{{project}}/locations/{{location}}/registries/{{registry}}/devices/{{device}}");
        let placeless = format!("/{version}/projects/{{project}}/registries/{{registry}}/devices/{{device}}");
        routes
            .route(&format!("{device}/~generateAccessToken"), post(generate::generate_access_token))
            .route(&format!("{placeless}/~generateAccessToken"), post(generate::without_location))
    });
    let routes = routes
        .route("/token", post(token::token))
        .route("/.well-known/openid-configuration", get(discovery::configuration))
        .route("/jwks", get(discovery::jwks));
    edge::with_date(deps.clock.clone(), routes.with_state(Arc::new(deps)))
}

/// The token service alone, at Google's paths.
pub fn router(deps: Deps) -> Router {
    edge::google_paths(routes(deps))
}
