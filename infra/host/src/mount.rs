//! What runs: the chosen functions' routes as one HTTP service.

mod functions;
mod health;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use domain::ports::CommandChannel;
use edge::AdminAuth;

pub use functions::{Function, Functions, UnknownFunction, Uses};

use crate::connect::{Bridge, Ports};
#[cfg(feature = "full")]
use crate::metrics::Requests;
use crate::tokens::Tokens;
use health::Health;

/// What the functions share beside the ports.
pub struct Shared {
    /// How administrators prove themselves; what nobody may administer needs none.
    pub admin: Option<AdminAuth>,
    /// Reaches live sessions.
    pub commands: Option<Arc<dyn CommandChannel>>,
    /// The token service.
    pub tokens: Option<Tokens>,
    /// The bridge, where devices come to this process.
    pub bridge: Option<Arc<Bridge>>,
}

/// A chosen function lacks what it works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{function} cannot run without {what}")]
pub struct Lacks {
    /// The function.
    pub function: Function,
    /// What it lacks.
    pub what: &'static str,
}

/// The chosen functions at one address, with `/healthz` and `/readyz` for whoever watches the process.
pub fn mount(functions: &Functions, ports: &Ports, shared: &Shared) -> Result<Router, Lacks> {
    assemble(functions, ports, shared, |_, routes| routes)
}

/// The same, every answer counted in `requests`, and what administrators call over gRPC too.
#[cfg(feature = "full")]
pub fn mount_counted(functions: &Functions, ports: &Ports, shared: &Shared, requests: &Arc<Requests>) -> Result<Router, Lacks> {
    let routes = assemble(functions, ports, shared, |function, routes| requests.counted(function, routes))?;
    let has_methods = functions.has(Function::DeviceRegistry) || functions.has(Function::CommandRelay);
    Ok(match &shared.admin {
        Some(admin) if has_methods => crate::grpc::beside(routes, admin.clone(), requests.clone()),
        _ => routes,
    })
}

fn assemble(functions: &Functions, ports: &Ports, shared: &Shared, watch: impl Fn(Function, Router) -> Router) -> Result<Router, Lacks> {
    let parts = Parts { ports, shared };
    let watched = |function| Ok(watch(function, parts.routes(function)?));
    let routes = functions.iter().try_fold(Router::new(), |routes, function| Ok(routes.merge(watched(function)?)))?;
    let health = Arc::new(Health::new(ports));
    let watched = routes.route("/healthz", get(async || "ok\n")).route("/readyz", get(health::ready).with_state(health));
    Ok(edge::google_paths(watched))
}

/// What functions are made of.
struct Parts<'a> {
    ports: &'a Ports,
    shared: &'a Shared,
}

impl Parts<'_> {
    fn routes(&self, function: Function) -> Result<Router, Lacks> {
        let lacks = |what| Lacks { function, what };
        Ok(match function {
            Function::DeviceRegistry => device_registry::routes(self.registry(lacks)?),
            Function::CommandRelay => command_relay::routes(self.relay(lacks)?),
            Function::PubsubFanout => pubsub_fanout::routes(self.ports.fan_out().ok_or(lacks("a publisher"))?),
            Function::StorageDownload => storage_download::routes(self.files(lacks)?),
            Function::TokenExchange => {
                let tokens = self.shared.tokens.as_ref().ok_or(lacks("a token issuer"))?;
                let routes = token_exchange::routes(tokens.deps.clone());
                #[cfg(feature = "full")]
                let routes = match &tokens.stand_in {
                    Some(sts) => routes.merge(crate::local_stack::routes(sts, self.ports, self.shared.admin.as_ref())),
                    None => routes,
                };
                routes
            }
            // Devices that come over HTTP. Where AWS IoT is the bridge, none do.
            #[cfg(not(feature = "full"))]
            Function::Bridge => Router::new(),
            #[cfg(feature = "full")]
            Function::Bridge => self.shared.bridge.as_ref().map(Bridge::routes).unwrap_or_default(),
        })
    }

    fn admin(&self, lacks: impl Fn(&'static str) -> Lacks) -> Result<AdminAuth, Lacks> {
        self.shared.admin.clone().ok_or_else(|| lacks("an admin token"))
    }

    fn commands(&self, lacks: impl Fn(&'static str) -> Lacks) -> Result<Arc<dyn CommandChannel>, Lacks> {
        self.shared.commands.clone().ok_or_else(|| lacks("a command channel that reaches a bridge"))
    }

    fn registry(&self, lacks: impl Fn(&'static str) -> Lacks) -> Result<device_registry::Deps, Lacks> {
        Ok(device_registry::Deps {
            stores: self.ports.stores.clone(),
            commands: self.commands(&lacks)?,
            clock: self.ports.clock.clone(),
            random: Arc::new(rand::random::<u64>),
            admin: self.admin(&lacks)?,
        })
    }

    fn relay(&self, lacks: impl Fn(&'static str) -> Lacks) -> Result<command_relay::Deps, Lacks> {
        Ok(command_relay::Deps {
            stores: self.ports.stores.clone(),
            commands: self.commands(&lacks)?,
            clock: self.ports.clock.clone(),
            random: Arc::new(rand::random::<u64>),
            admin: self.admin(&lacks)?,
        })
    }

    fn files(&self, lacks: impl Fn(&'static str) -> Lacks) -> Result<storage_download::Deps, Lacks> {
        Ok(storage_download::Deps {
            objects: self.ports.objects.clone().ok_or_else(|| lacks("an object store"))?,
            stores: self.ports.stores.clone(),
            statuses: self.ports.statuses.clone(),
            clock: self.ports.clock.clone(),
            max_upload_bytes: storage_download::DEFAULT_MAX_UPLOAD_BYTES,
        })
    }
}
