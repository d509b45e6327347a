//! `/metrics` for Prometheus, on a listener of its own: the numbers are for who runs the installation, not for everybody who can
//! reach the functions. Reading them costs no call to a port.

mod parts;
mod requests;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use domain::status::StatusBook;
use infra_bridge::Bridge;
use protocol::exposition::{CONTENT_TYPE, Exposition};
use token_exchange::TokenCache;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use requests::Requests;

use crate::connect::Channel;
use crate::serve::{self, ListenError};

/// What one process counts.
#[derive(Clone)]
pub struct Metrics {
    /// Answers of the functions.
    pub requests: Arc<Requests>,
    /// The bridge, where one runs.
    pub bridge: Option<Arc<Bridge>>,
    /// Tokens that were issued, where the token service runs.
    pub tokens: Option<Arc<TokenCache>>,
    /// How live sessions are reached.
    pub channel: Channel,
    /// Last-seen times and last errors.
    pub statuses: Arc<StatusBook>,
}

impl Metrics {
    /// All numbers, as Prometheus reads them.
    pub fn text(&self) -> String {
        let mut exposition = Exposition::default();
        parts::process(&mut exposition);
        parts::http(&serve::http_counters(), &mut exposition);
        self.requests.expose(&mut exposition);
        if let Some(bridge) = &self.bridge {
            bridge.counters().expose(&mut exposition);
        }
        if let Some(tokens) = &self.tokens {
            parts::tokens(&tokens.counters(), &mut exposition);
        }
        if let Channel::Nats(nats) = &self.channel {
            exposition.gauge("drawbridge_bus_up", "Whether the command bus is reached.", u8::from(nats.is_up()));
            nats.counters().expose(&mut exposition);
        }
        parts::keys(&domain::credential::key_counters(), &mut exposition);
        parts::statuses(&self.statuses, &mut exposition);
        exposition.finish()
    }

    fn routes(self) -> Router {
        Router::new().route("/metrics", get(async move || ([(header::CONTENT_TYPE, CONTENT_TYPE)], self.text())))
    }

    /// Serves them at `address` until `stop`; says where. Nothing listens without an address.
    pub async fn serve(
        self,
        (name, address): (&'static str, Option<SocketAddr>),
        stop: &watch::Sender<bool>,
        tasks: &mut JoinSet<()>,
    ) -> Result<Option<SocketAddr>, ListenError> {
        let Some(address) = address else { return Ok(None) };
        let (listener, at) = serve::listen(name, address).await?;
        tasks.spawn(serve::http(listener, self.routes(), serve::stopped(stop)));
        Ok(Some(at))
    }
}
