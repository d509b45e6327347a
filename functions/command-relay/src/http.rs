//! Where each method is bound. Paths are in the normal form of [`edge::google_paths`]: `X:verb` is `X/~verb`.
//!
//! | method | path below the registry | body | answer |
//! | --- | --- | --- | --- |
//! | POST | `/devices/{d}:sendCommandToDevice` | `{binaryData, subfolder}` | `{}` |
//! | | (ours) | and `ttl` | the command |
//! | POST | `/devices/{d}:modifyCloudToDeviceConfig` | `{versionToUpdate, binaryData}` | DeviceConfig |
//! | GET | `/devices/{d}/commands` (ours) | | `{commands, nextPageToken}`, oldest first |
//! | GET, DELETE | `/devices/{d}/commands/{id}` (ours) | | the command; `{}` |
//! | POST | `:broadcastCommand` (ours) | `{binaryData, subfolder, ttl, labels, perSecond}` | the broadcast |
//! | GET | `/broadcasts` (ours) | | `{broadcasts, nextPageToken}`, oldest first |
//! | GET | `/broadcasts/{id}` (ours) | | the broadcast |
//! | POST | `/broadcasts/{id}:advance`, `:cancel` (ours) | | the broadcast |
//!
//! The first two are also bound below `/groups/{group}`, as Google's are, for the devices of the group: see [`edge::in_group`].

mod broadcasts;
mod commands;
mod config;

use axum::Router;
use axum::routing::{get, post};

use crate::Deps;

const REGISTRY: &str = "/v1/projects/{project}/locations/{location}/registries/{registry}";

/// The routes of the relay, behind the admin check, for a host that merges several functions and wraps them once in
/// [`edge::google_paths`].
pub fn routes(deps: Deps) -> Router {
    let device = format!("{REGISTRY}/devices/{{device}}");
    let broadcast = format!("{REGISTRY}/broadcasts/{{broadcast}}");
    let routes = of_both(REGISTRY)
        .merge(edge::in_group(of_both(&format!("{REGISTRY}/groups/{{group}}")), deps.stores.clone()))
        .route(&format!("{device}/commands"), get(commands::list))
        .route(&format!("{device}/commands/{{command}}"), get(commands::get).delete(commands::cancel))
        .route(&format!("{REGISTRY}/~broadcastCommand"), post(broadcasts::create))
        .route(&format!("{REGISTRY}/broadcasts"), get(broadcasts::list))
        .route(&broadcast, get(broadcasts::get))
        .route(&format!("{broadcast}/~advance"), post(broadcasts::advance))
        .route(&format!("{broadcast}/~cancel"), post(broadcasts::cancel))
        .with_state(deps.clone());
    deps.admin.guard(routes)
}

/// The methods that a registry and a group both have.
fn of_both(parent: &str) -> Router<Deps> {
    let device = format!("{parent}/devices/{{device}}");
    Router::new()
        .route(&format!("{device}/~sendCommandToDevice"), post(commands::send))
        .route(&format!("{device}/~modifyCloudToDeviceConfig"), post(config::modify))
}

/// The relay alone, at Google's paths.
pub fn router(deps: Deps) -> Router {
    edge::google_paths(routes(deps))
}
