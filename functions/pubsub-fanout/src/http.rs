//! The HTTP bridge: devices without MQTT publish, report state and fetch their configuration.
//!
//! | method | path below the device | body | answer |
//! | --- | --- | --- | --- |
//! | POST | `:publishEvent` | `{binaryData, subFolder}` | `{}` |
//! | POST | `:publishEvents` (ours) | `{events: [{binaryData, subFolder, attributes, readingId, capturedAtMs}]}` | `{results: [{} or {error}]}` |
//! | POST | `:setState` | `{state: {binaryData}}` | `{}` |
//! | GET | `/config?local_version=N` | | `{version, binaryData}` |
//!
//! Each may carry `gatewayInfo`, in the body or in the query (`gateway`).
//!
//! Every request carries the device's JWT as `authorization: Bearer`. Every reply carries `Date`, and a 401 says the
//! server's time: a device whose clock is wrong learns it here. Every refusal of a device that exists is also kept as
//! its last error.

mod admit;
mod body;
mod config;
mod error;
mod events;
mod gateway;
mod registries;
mod state;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};

use crate::FanOut;
use registries::Registries;

pub use events::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS};

/// The bridge was reached under both.
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// What the requests of a process share.
#[derive(Clone)]
struct Http {
    fan_out: FanOut,
    registries: Arc<Registries>,
}

impl FromRef<Http> for FanOut {
    fn from_ref(http: &Http) -> Self {
        http.fan_out.clone()
    }
}

/// The routes of the bridge, for a host that merges several functions and wraps them once in [`edge::google_paths`].
pub fn routes(deps: FanOut) -> Router {
    let routes = VERSIONS.iter().fold(Router::new(), |routes, version| {
        let device = format!("/{version}/projects/{{project}}/locations/{{location}}/registries/{{registry}}/devices/{{device}}");
        routes
            .route(&format!("{device}/~publishEvent"), post(events::publish_event))
            .route(&format!("{device}/~publishEvents"), post(events::publish_events))
            .route(&format!("{device}/~setState"), post(state::set_state))
            .route(&format!("{device}/config"), get(config::get_config))
    });
    let clock = deps.clock.clone();
    edge::with_date(clock, routes.with_state(Http { fan_out: deps, registries: Arc::default() }))
}

/// The bridge alone, at Google's paths.
pub fn router(deps: FanOut) -> Router {
    edge::google_paths(routes(deps))
}
