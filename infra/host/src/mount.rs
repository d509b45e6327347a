//! What runs: the functions' routes as one HTTP service.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use domain::ports::CommandChannel;
use edge::AdminAuth;
use infra_local::SecurityTokenService;
use pubsub_fanout::FanOut;

use crate::connect::Ports;
use crate::tokens::Tokens;

/// What the functions share beside the ports.
pub struct Shared {
    /// How administrators prove themselves.
    pub admin: AdminAuth,
    /// Reaches live sessions.
    pub commands: Arc<dyn CommandChannel>,
    /// Publishes for devices.
    pub fan_out: FanOut,
    /// The token service.
    pub tokens: Tokens,
}

/// All functions at one address, with `/healthz` for whoever watches the process.
pub fn all(ports: &Ports, shared: Shared) -> Router {
    let registry = device_registry::Deps {
        stores: ports.stores.clone(),
        commands: shared.commands.clone(),
        clock: ports.clock.clone(),
        random: Arc::new(rand::random::<u64>),
        admin: shared.admin.clone(),
    };
    let relay = command_relay::Deps {
        stores: ports.stores.clone(),
        commands: shared.commands,
        clock: ports.clock.clone(),
        random: Arc::new(rand::random::<u64>),
        admin: shared.admin,
    };
    let files = storage_download::Deps {
        objects: ports.objects.clone(),
        stores: ports.stores.clone(),
        statuses: ports.statuses.clone(),
        clock: ports.clock.clone(),
        max_upload_bytes: storage_download::DEFAULT_MAX_UPLOAD_BYTES,
    };
    let functions = device_registry::routes(registry)
        .merge(command_relay::routes(relay))
        .merge(pubsub_fanout::routes(shared.fan_out))
        .merge(storage_download::routes(files))
        .merge(token_exchange::routes(shared.tokens.deps))
        .merge(shared.tokens.stand_in.map(SecurityTokenService::routes).unwrap_or_default());
    edge::google_paths(functions.route("/healthz", get(async || "ok\n")))
}
