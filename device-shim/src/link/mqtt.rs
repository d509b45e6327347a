//! MQTT 5 to the bridge, by a session of our own on `rmqtt-codec` (docs/adr/0003-own-mqtt-client-in-the-shim.md).
//!
//! - QoS 1 with a window: ours, or the server's Receive Maximum if that is lower.
//! - Packet ids are given in turn, and the window is far below 65,535, so none is used twice at a time.
//! - A dead line is found by what does not come: a PINGRESP after a silence, a PUBACK while publishes wait.
//! - Each connection gets a fresh token, made with the cloud's time.

mod connect;
mod packet;
mod session;
mod stream;
pub(crate) mod tls;
mod upgrade;

use std::path::PathBuf;
use std::sync::Arc;

pub use session::MqttSession;
pub use stream::Stream;

use super::{Link, LinkError};
use tokio::time::timeout;

use crate::clock::CloudClock;
use crate::clock::history::ClockHistory;
use crate::config::{Bridge, Config, LinkConfig};
use crate::identity::Identity;

/// Connects to one bridge as one device.
#[derive(Clone)]
pub struct MqttLink {
    bridge: Bridge,
    identity: Identity,
    clock: CloudClock,
    limits: LinkConfig,
    tls: Option<Arc<rustls::ClientConfig>>,
    history: ClockHistory,
}

/// Why a link cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of roots cannot be used.
    #[error("roots in {path} cannot be used: {problem}")]
    Roots {
        /// Which file, or the system's store.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// rustls refuses its configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl MqttLink {
    /// A link as configured.
    ///
    /// # Errors
    /// [`TlsError`] when the trusted roots cannot be read.
    pub fn new(config: &Config, identity: Identity, clock: CloudClock, history: ClockHistory) -> Result<Self, TlsError> {
        let tls = if config.bridge.tls { Some(tls::client(config.ca.as_deref(), &clock)?) } else { None };
        let tls = tls.map(|tls| if config.bridge.path.is_some() { tls::for_http(&tls) } else { tls });
        Ok(Self { bridge: config.bridge.clone(), identity, clock, limits: config.link.clone(), tls, history })
    }
}

impl MqttLink {
    async fn attempt(&self) -> Result<MqttSession, LinkError> {
        let within = self.limits.connect_timeout;
        timeout(within, connect::connect(self)).await.unwrap_or(Err(LinkError::Silent { what: "CONNACK", within }))
    }
}

impl Link for MqttLink {
    type Session = MqttSession;

    async fn connect(&mut self) -> Result<MqttSession, LinkError> {
        let attempt = match self.attempt().await {
            // A clock in 1970, and the cloud has never told the time: it cannot before TLS stands. The certificate is
            // the bridge's in any case; whether it has expired is judged by its own first day until the cloud speaks.
            Err(LinkError::NotYetValid { not_before_ms, .. }) if !self.clock.has_learnt() => {
                self.clock.at_least(not_before_ms);
                self.attempt().await
            }
            attempt => attempt,
        };
        if attempt.is_ok()
            && let Err(error) = self.history.heard(&self.clock)
        {
            tracing::warn!(%error, "Could not keep what was learnt of the clock");
        }
        attempt
    }
}
