//! `drawbridge-shim run`: puts the parts together, and takes them apart on SIGTERM.

mod open;
mod ready;
mod serve;
mod supervision;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accept::{Intake, IntakeCounters};
use crate::clock::history::ClockHistory;
use crate::clock::{CloudClock, system_wall};
use crate::config::{Config, LinkConfig};
use crate::downlink::Downlink;
use crate::drain::refused::Refused;
use crate::drain::{Drain, Settings, Shared};
use crate::identity::{Identity, KeyError};
use crate::link::mqtt::{MqttLink, TlsError};
use crate::spool::{SpoolError, Tail, Writer};
use crate::status::{LinkStatus, Sources};

/// How long the spool may take to close: 5 s. Positions are saved every 500 ms, so nothing hangs on it.
const LAST_COMMIT: Duration = Duration::from_secs(5);

/// Why the shim does not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The private key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Trusted roots.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The spool.
    #[error("the spool in {dir} does not open: {source}")]
    Spool {
        /// Its folder.
        dir: PathBuf,
        /// Why.
        source: SpoolError,
    },
    /// A file or folder.
    #[error("{what} {path} cannot be used: {source}")]
    File {
        /// What it is for.
        what: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An address is taken or not allowed.
    #[error("cannot listen on {address} (`{key}`): {source}")]
    Listen {
        /// The key of the configuration.
        key: &'static str,
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The backoff; [`Config::parse`] has checked it.
    #[error(transparent)]
    Backoff(#[from] crate::backoff::BackoffError),
}

/// All parts of a running shim.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) intake: Intake,
    pub(crate) status: Sources,
    pub(crate) downlink: Arc<Downlink>,
    /// Cancelled when no further reading is to be taken.
    pub(crate) stop_intake: CancellationToken,
}

/// Runs until `stop` is cancelled; every reading taken is then durable.
///
/// # Errors
/// [`RunError`] when it cannot start.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), RunError> {
    let clock = CloudClock::new(system_wall());
    let identity = Identity::load(config.device.clone(), &config.private_key, config.link.token_life)?;
    let device_id: Arc<str> = identity.device().device.to_string().into();
    open::folders(&config)?;
    let (writer, spool_thread, boot) = open::spool(&config).await?;
    let refused = Refused::open(&config.data_dir).map_err(open::in_data_dir(&config))?;
    let downlink = Downlink::open(&config.data_dir).map_err(open::in_data_dir(&config))?;
    let counters = IntakeCounters::new(Arc::clone(&downlink));
    let link_status = Arc::new(LinkStatus::default());
    let status = Sources {
        device: config.device.to_string().into(),
        writer: writer.clone(),
        link: Arc::clone(&link_status),
        intake: Arc::clone(&counters),
        refused: refused.count(),
        clock: clock.clone(),
    };
    let stop_drain = CancellationToken::new();
    let shared = Shared { status: link_status, downlink: Arc::clone(&downlink), stop: stop_drain.clone() };
    let link = MqttLink::new(&config, identity, clock.clone(), ClockHistory::open(&config.data_dir, boot, &clock))?;
    let drain = new_drain(&config, &writer.tail(), link, refused, shared)?;
    let intake = Intake::new(writer, clock, boot, device_id, counters);
    let parts = Parts { config, intake, status, downlink, stop_intake: CancellationToken::new() };
    let listening = serve::start(&parts).await?;
    tracing::info!(device = %parts.config.device, bridge = %parts.config.bridge, boot, "Taking readings");
    let draining = tokio::spawn(drain.run());
    supervision::ready(&parts.status.device);
    tokio::select! {
        () = stop.cancelled() => {}
        () = supervision::watch(parts.status.writer.clone(), &draining) => {}
    }
    supervision::stopping();
    tracing::info!("Stopping: no further readings are taken");
    listening.stop(&parts).await;
    drop(parts);
    stop_drain.cancel();
    close(draining, spool_thread).await;
    Ok(())
}

fn new_drain(config: &Config, tail: &Tail, link: MqttLink, refused: Refused, shared: Shared) -> Result<Drain<MqttLink>, RunError> {
    let LinkConfig { window, window_bytes, drain_timeout, refusals, .. } = config.link;
    let settings = Settings { window, window_bytes, drain_timeout, refusals };
    Ok(Drain::new(tail, link, config.backoff.policy()?, settings, refused, shared))
}

/// Waits for the last acknowledgements and for the last commit.
async fn close(draining: tokio::task::JoinHandle<()>, spool_thread: JoinHandle<()>) {
    if let Err(error) = draining.await {
        tracing::error!(%error, "The drain failed");
    }
    let joined = tokio::task::spawn_blocking(|| spool_thread.join());
    match tokio::time::timeout(LAST_COMMIT, joined).await {
        Ok(Ok(Ok(()))) => tracing::info!("Stopped; every reading taken is on disk or in the cloud"),
        Ok(_) => tracing::error!("The spool's thread failed"),
        // It waits for a connection that does not end. What it answered is on disk.
        Err(_) => tracing::warn!(after = ?LAST_COMMIT, "Stopped while a local connection was still open"),
    }
}

/// The front of a spool, its thread and its boot.
pub(crate) type OpenSpool = (Writer, JoinHandle<()>, u32);
