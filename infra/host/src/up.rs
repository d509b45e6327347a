//! Where: one process. Everything listens before the ready file appears; everything finishes before the process ends.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use edge::AdminAuth;
pub use edge::AdminToken;
use infra_bridge::{Bridge, Limits};
use serde::Serialize;
use token_exchange::TokenCache;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::connect::{self, Channel, Urls};
use crate::local_stack;
use crate::metrics::{Metrics, Requests};
use crate::mount::{self, Function, Functions, Lacks, Shared};
use crate::serve;
use crate::start_error::StartError;
use crate::tls::{Served, TlsError};
use crate::tokens::{self, TokenConfig};
use crate::{ready_file, secret, start_check, supervision};

/// What `drawbridge up` is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the HTTP functions listen.
    pub http: SocketAddr,
    /// Where the bridge listens without TLS.
    pub mqtt: SocketAddr,
    /// Where the bridge listens with TLS.
    pub mqtts: SocketAddr,
    /// Where `/metrics` listens; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Certificate chain and key (PEM); without, a local authority makes them.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Folder for all that is kept.
    pub data: PathBuf,
    /// The project whose devices are served, for messages to people.
    pub project: protocol::ProjectId,
    /// The admin token; without, one is made and kept.
    pub admin_token: Option<AdminToken>,
    /// Written, as JSON with every bound address, once everything listens.
    pub ready_file: Option<PathBuf>,
    /// Which adapter stands behind each port.
    pub urls: Urls,
    /// What the token service is told.
    pub tokens: TokenConfig,
}

/// Where everything listens; the content of the ready file.
#[derive(Debug, Clone, Serialize)]
pub struct Addresses {
    /// The HTTP functions.
    pub http: SocketAddr,
    /// The bridge without TLS.
    pub mqtt: SocketAddr,
    /// The bridge with TLS.
    pub mqtts: SocketAddr,
    /// The metrics.
    pub metrics: Option<SocketAddr>,
    /// Our name as OpenID Connect issuer.
    pub issuer: String,
    /// Root certificate that clients of the TLS listener trust; `None` when the certificate was given.
    pub ca: Option<PathBuf>,
    /// The data folder.
    pub data: PathBuf,
    /// The project.
    pub project: String,
    /// This process.
    pub pid: u32,
}

/// A running installation.
pub struct Running {
    /// Where it listens.
    pub addresses: Addresses,
    /// The admin token, if it was made just now.
    pub made_admin_token: Option<String>,
    bridge: Arc<Bridge>,
    channel: Channel,
    tokens: Arc<TokenCache>,
    certificate: Served,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// Starts everything; on return it listens and the ready file is written.
pub async fn start(config: Config) -> Result<Running, StartError> {
    fs::create_dir_all(&config.data).map_err(StartError::at(&config.data))?;
    let (http, http_at) = serve::listen("--http", config.http).await?;
    let (mqtt, mqtt_at) = serve::listen("--mqtt", config.mqtt).await?;
    let (mqtts, mqtts_at) = serve::listen("--mqtts", config.mqtts).await?;
    let (ca, certificate) = certificate(&config, &[http_at.ip(), mqtts_at.ip()])?;
    let (admin, made_admin_token) = admin(&config)?;
    let limits = Limits::default();
    let ports = connect::connect(&config.urls, limits.command_timeout).await?;
    let tokens = tokens::connect(&config.tokens, http_at, &config.data, &ports)?;
    let (issuer, cached) = (tokens.deps.issuer_url.to_string(), tokens.deps.cache.clone());
    let admin = local_stack::admin(admin, tokens.stand_in.as_ref(), &config.tokens, &ports.stores);
    let fan_out = ports.fan_out().ok_or(Lacks { function: Function::Bridge, what: "a publisher" })?;
    let bridge = ports.channel.bridge(fan_out, limits);
    let shared =
        Shared { admin: Some(admin), commands: ports.channel.commands(Some(&bridge)), tokens: Some(tokens), bridge: Some(bridge.clone()) };
    let requests = Arc::new(Requests::default());
    let app = mount::mount_counted(&Functions::all(), &ports, &shared, &requests)?;
    let (stop, mut tasks) = (watch::Sender::new(false), JoinSet::new());
    start_check::begin(&ports.stores, &config.urls.records, &stop, &mut tasks);
    let counted = (Some(bridge.clone()), Some(cached.clone()));
    let channel = ports.channel;
    let metrics = Metrics { requests, bridge: counted.0, tokens: counted.1, channel: channel.clone(), statuses: ports.statuses };
    let metrics = metrics.serve(("--metrics", config.metrics), &stop, &mut tasks).await?;
    serve_devices(&bridge, mqtt, (mqtts, certificate.subscribe()), &stop, &mut tasks);
    tasks.spawn(serve::http(http, app, serve::stopped(&stop)));
    let addresses = Addresses {
        http: http_at,
        mqtt: mqtt_at,
        mqtts: mqtts_at,
        metrics,
        issuer,
        ca,
        data: config.data,
        project: config.project.to_string(),
        pid: std::process::id(),
    };
    say_ready(config.ready_file.as_deref(), &addresses, &stop, &mut tasks)?;
    Ok(Running { addresses, made_admin_token, bridge, channel, tokens: cached, certificate, stop, tasks })
}

fn say_ready(file: Option<&Path>, at: &Addresses, stop: &watch::Sender<bool>, tasks: &mut JoinSet<()>) -> Result<(), StartError> {
    file.map_or(Ok(()), |file| ready_file::write(file, at).map_err(StartError::at(file)))?;
    supervision::begin(at.http, Some(&at.data), stop, tasks);
    Ok(())
}

fn serve_devices(
    bridge: &Arc<Bridge>,
    mqtt: TcpListener,
    (mqtts, certificate): (TcpListener, watch::Receiver<Arc<rustls::ServerConfig>>),
    stop: &watch::Sender<bool>,
    tasks: &mut JoinSet<()>,
) {
    let (plain, secure) = (bridge.clone(), bridge.clone());
    let (plain_stop, secure_stop) = (serve::stopped(stop), serve::stopped(stop));
    tasks.spawn(async move { plain.serve_tcp(mqtt, plain_stop).await });
    tasks.spawn(async move { secure.serve_tls(mqtts, certificate, secure_stop).await });
}

impl Running {
    /// Reads `--tls-cert` and `--tls-key` again; connections made from now on get the new certificate. On an error
    /// the old one stays. Nothing to do for a certificate of the local authority: it outlives the process.
    pub fn reload_certificate(&self) -> Result<(), TlsError> {
        self.certificate.reload()
    }

    /// Stops accepting, finishes what was begun within the bridge's time limit, and returns.
    pub async fn shut_down(mut self) {
        supervision::stopping();
        self.stop.send_replace(true);
        self.bridge.stop().await;
        while self.tasks.join_next().await.is_some() {}
        self.channel.settle().await;
        tracing::info!(counters = ?self.bridge.counters(), tokens = ?self.tokens.counters(), "Stopped");
    }
}

/// The certificate, and the root that signed it where the local authority made it.
fn certificate(config: &Config, addresses: &[IpAddr]) -> Result<(Option<PathBuf>, Served), StartError> {
    if let Some((certificate, key)) = &config.certificate {
        return Ok((None, Served::read(certificate, key)?));
    }
    let files = infra_local::certificate_authority::ensure(&config.data.join("tls"), addresses, SystemTime::now())?;
    Ok((Some(files.root), Served::once(&files.certificate, &files.key)?))
}

fn admin(config: &Config) -> Result<(AdminAuth, Option<String>), StartError> {
    if let Some(token) = &config.admin_token {
        return Ok((AdminAuth::Token(token.clone()), None));
    }
    let file = config.data.join("admin-token");
    let found = secret::keep(&file).map_err(StartError::at(&file))?;
    Ok((AdminAuth::Token(found.token), found.made))
}
