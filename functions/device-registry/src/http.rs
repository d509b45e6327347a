//! Where each method is bound. Paths are in the normal form of [`edge::google_paths`]: `X:verb` is `X/~verb`.

mod config;
mod devices;
mod gateways;
mod policies;
mod registries;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::Deps;

/// `projects/{project}/locations/{location}/registries`: the parent of all.
const REGISTRIES: &str = "/v1/projects/{project}/locations/{location}/registries";

/// The routes of the registry, behind the admin check, for a host that merges several functions and wraps them once in
/// [`edge::google_paths`].
pub fn routes(deps: Deps) -> Router {
    let registry = format!("{REGISTRIES}/{{registry}}");
    let group = format!("{registry}/groups/{{group}}");
    let routes = of_both(&registry)
        .merge(edge::in_group(of_both(&group), deps.stores.clone()))
        .route(REGISTRIES, get(registries::list).post(registries::create))
        .route(&registry, get(registries::get).patch(registries::update).delete(registries::delete))
        .route(&format!("{registry}/devices"), post(devices::create))
        .route(&format!("{registry}/devices/{{device}}"), delete(devices::delete))
        .route(&format!("{registry}/~testIamPermissions"), post(policies::test))
        // Outside the group's guard: what is no group is not refused.
        .route(&format!("{group}/~testIamPermissions"), post(policies::test_of_group))
        .with_state(deps.clone());
    deps.admin.guard(routes)
}

/// The methods that a registry and a group both have: those of a group show and change its own devices only.
fn of_both(parent: &str) -> Router<Deps> {
    let device = format!("{parent}/devices/{{device}}");
    Router::new()
        .route(&format!("{parent}/devices"), get(devices::list))
        .route(&device, get(devices::get).patch(devices::update))
        .route(&format!("{device}/configVersions"), get(config::versions))
        .route(&format!("{device}/states"), get(config::states))
        .route(&format!("{parent}/~bindDeviceToGateway"), post(gateways::bind))
        .route(&format!("{parent}/~unbindDeviceFromGateway"), post(gateways::unbind))
        .route(&format!("{parent}/~getIamPolicy"), post(policies::get))
        .route(&format!("{parent}/~setIamPolicy"), post(policies::set))
}

/// The registry alone, at Google's paths.
pub fn router(deps: Deps) -> Router {
    edge::google_paths(routes(deps))
}
