//! Where each method is bound. Paths are in the normal form of [`edge::google_paths`]: `X:verb` is `X/~verb`.

mod config;
mod devices;
mod gateways;
mod later;
mod registries;

use axum::Router;
use axum::routing::{get, post};

use crate::Deps;

/// `projects/{project}/locations/{location}/registries`: the parent of all.
const REGISTRIES: &str = "/v1/projects/{project}/locations/{location}/registries";

/// The routes of the registry, behind the admin check, for a host that merges several functions and wraps them once in
/// [`edge::google_paths`].
pub fn routes(deps: Deps) -> Router {
    let registry = format!("{REGISTRIES}/{{registry}}");
    let device = format!("{registry}/devices/{{device}}");
    let group = format!("{registry}/groups/{{group}}");
    let routes = Router::new()
        .route(REGISTRIES, get(registries::list).post(registries::create))
        .route(&registry, get(registries::get).patch(registries::update).delete(registries::delete))
        .route(&format!("{registry}/devices"), get(devices::list).post(devices::create))
        .route(&device, get(devices::get).patch(devices::update).delete(devices::delete))
        .route(&format!("{device}/configVersions"), get(config::versions))
        .route(&format!("{device}/states"), get(config::states))
        .route(&format!("{registry}/~bindDeviceToGateway"), post(gateways::bind))
        .route(&format!("{registry}/~unbindDeviceFromGateway"), post(gateways::unbind))
        .route(&format!("{group}/~bindDeviceToGateway"), post(edge::no_such_group))
        .route(&format!("{group}/~unbindDeviceFromGateway"), post(edge::no_such_group))
        .route(&format!("{group}/devices"), get(edge::no_such_group))
        .route(&format!("{group}/devices/{{device}}"), get(edge::no_such_group).patch(edge::no_such_group))
        .route(&format!("{group}/devices/{{device}}/configVersions"), get(edge::no_such_group))
        .route(&format!("{group}/devices/{{device}}/states"), get(edge::no_such_group))
        .with_state(deps.clone());
    deps.admin.guard(routes.merge(later::routes(&registry)))
}

/// The registry alone, at Google's paths.
pub fn router(deps: Deps) -> Router {
    edge::google_paths(routes(deps))
}
