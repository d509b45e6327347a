//! Where: one process of an installation. Everything listens before the ready file appears; everything finishes before the
//! process ends.

use std::net::SocketAddr;
use std::sync::Arc;

use infra_bridge::{Bridge, Limits};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::connect::{self, Channel, Ports};
use crate::metrics::{Metrics, Requests};
use crate::mount::{self, Function, Lacks, Shared};
use crate::serve;
use crate::start_error::StartError;
use crate::tls::{Served, TlsError};
use crate::{admin, ready_file, start_check, supervision, tokens};

/// Where everything listens; the content of the ready file.
#[derive(Debug, Clone, Serialize)]
pub struct Addresses {
    /// The HTTP functions and the health checks.
    pub http: SocketAddr,
    /// The bridge without TLS.
    pub mqtt: Option<SocketAddr>,
    /// The bridge with TLS.
    pub mqtts: Option<SocketAddr>,
    /// The metrics.
    pub metrics: Option<SocketAddr>,
    /// This process.
    pub pid: u32,
}

/// A running process of an installation.
pub struct Running {
    /// Where it listens.
    pub addresses: Addresses,
    channel: Channel,
    bridge: Option<Arc<Bridge>>,
    certificate: Option<Served>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Starts everything; on return it listens and the ready file is written.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let limits = config.limits.clone();
    let ports = connect::connect(&config.urls, limits.command_timeout).await?;
    let (http, http_at) = serve::listen("DRAWBRIDGE_HTTP", config.http).await?;
    let bridge = bridge(&config, &ports, limits)?;
    let tokens = match &config.tokens {
        Some(given) => {
            std::fs::create_dir_all(&config.data).map_err(StartError::at(&config.data))?;
            Some(tokens::connect(given, http_at, &config.data, &ports)?)
        }
        None => None,
    };
    let commands = ports.channel.commands(bridge.as_ref());
    let admin = admin::auth(&config, &ports).await?;
    let shared = Shared { admin, commands, tokens, bridge: bridge.clone() };
    let requests = Arc::new(Requests::default());
    let app = mount::mount_counted(&config.functions, &ports, &shared, &requests)?;
    let tokens = shared.tokens.map(|tokens| tokens.deps.cache);
    let stores = ports.stores.clone();
    let metrics = Metrics { requests, bridge: bridge.clone(), tokens, channel: ports.channel.clone(), statuses: ports.statuses };
    let stop = watch::Sender::new(false);
    let addresses = Addresses { http: http_at, mqtt: None, mqtts: None, metrics: None, pid: std::process::id() };
    let mut running = Running { addresses, channel: ports.channel, bridge, certificate: None, stop, tasks: JoinSet::new() };
    running.listen_for_devices(&config).await?;
    running.addresses.metrics = metrics.serve(("DRAWBRIDGE_METRICS", config.metrics), &running.stop, &mut running.tasks).await?;
    running.tasks.spawn(serve::http(http, app, serve::stopped(&running.stop)));
    start_check::begin(&stores, &config.urls.records, &running.stop, &mut running.tasks);
    if let Some(file) = &config.ready_file {
        ready_file::write(file, &running.addresses).map_err(StartError::at(file))?;
    }
    supervision::begin(http_at, None, &running.stop, &mut running.tasks);
    tracing::info!(functions = ?config.functions.iter().map(Function::name).collect::<Vec<_>>(), "Up: HTTP on {http_at}");
    Ok(running)
}

fn bridge(config: &Config, ports: &Ports, limits: Limits) -> Result<Option<Arc<Bridge>>, Lacks> {
    if !config.functions.has(Function::Bridge) {
        return Ok(None);
    }
    let fan_out = ports.fan_out().ok_or(Lacks { function: Function::Bridge, what: "a publisher" })?;
    Ok(Some(ports.channel.bridge(fan_out, limits)))
}

impl Running {
    async fn listen_for_devices(&mut self, config: &Config) -> Result<(), StartError> {
        let Some(bridge) = self.bridge.clone() else { return Ok(()) };
        if let Some(address) = config.mqtt {
            let (listener, at) = serve::listen("DRAWBRIDGE_MQTT", address).await?;
            let (bridge, stop) = (bridge.clone(), serve::stopped(&self.stop));
            self.addresses.mqtt = Some(at);
            self.tasks.spawn(async move { bridge.serve_tcp(listener, stop).await });
        }
        if let Some((address, certificate, key)) = &config.mqtts {
            let served = Served::read(certificate, key)?;
            let (listener, at): (TcpListener, _) = serve::listen("DRAWBRIDGE_MQTTS", *address).await?;
            let (certificates, stop) = (served.subscribe(), serve::stopped(&self.stop));
            self.addresses.mqtts = Some(at);
            self.certificate = Some(served);
            self.tasks.spawn(async move { bridge.serve_tls(listener, certificates, stop).await });
        }
        Ok(())
    }

    /// Reads the certificate and its key again; connections made from now on get the new one. On an error the old one stays.
    pub fn reload_certificate(&self) -> Result<(), TlsError> {
        self.certificate.as_ref().map_or(Ok(()), Served::reload)
    }

    /// Stops accepting, finishes what was begun within the bridge's time limit, and returns.
    pub async fn shut_down(mut self) {
        supervision::stopping();
        self.stop.send_replace(true);
        if let Some(bridge) = &self.bridge {
            bridge.stop().await;
        }
        while self.tasks.join_next().await.is_some() {}
        self.channel.settle().await;
        let bridge = self.bridge.as_ref().map(|b| b.counters());
        let bus = match &self.channel {
            Channel::Local | Channel::Nobody | Channel::AwsIot(_) => None,
            Channel::Nats(nats) => Some(nats.counters()),
        };
        tracing::info!(?bridge, ?bus, "Stopped");
    }
}
