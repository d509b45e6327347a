//! The intakes: bound all together before the first is served, stopped all together.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use super::ready::Ready;
use super::{Parts, RunError};
use crate::accept::listener::{Cap, CappedListener};
use crate::accept::{http, mqtt, unix};

/// How long readings that were on their way when the shim was stopped may take to become durable.
const LAST_READINGS: Duration = Duration::from_secs(5);

/// The tasks of all intakes.
pub(super) struct Listening {
    tasks: JoinSet<()>,
}

/// Binds, writes the ready file, serves.
pub(super) async fn start(parts: &Parts) -> Result<Listening, RunError> {
    let accept = &parts.config.accept;
    let mqtt_listener = bind_tcp("accept.mqtt", accept.mqtt).await?;
    let http_listener = bind_tcp("accept.http", accept.http).await?;
    let unix_listener = bind_unix(&accept.unix)?;
    write_ready(parts, mqtt_listener.as_ref(), http_listener.as_ref())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_unix(unix_listener, parts));
    if let Some(listener) = http_listener {
        tasks.spawn(serve_http(listener, parts));
    }
    if let Some(listener) = mqtt_listener {
        tasks.spawn(mqtt::serve(listener, cap(parts), mqtt_deps(parts)));
    }
    Ok(Listening { tasks })
}

impl Listening {
    /// Takes no further reading; those under way are answered.
    pub(super) async fn stop(mut self, parts: &Parts) {
        parts.stop_intake.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_READINGS, ended).await.is_err() {
            tracing::warn!(after = ?LAST_READINGS, "Connections were cut that did not end");
        }
        // Missing is what we want it to be.
        let _gone = std::fs::remove_file(&parts.config.accept.unix);
        if let Some(ready) = &parts.config.ready_file {
            let _gone = std::fs::remove_file(ready);
        }
    }
}

async fn bind_tcp(key: &'static str, address: Option<std::net::SocketAddr>) -> Result<Option<TcpListener>, RunError> {
    let Some(address) = address else { return Ok(None) };
    let bound = TcpListener::bind(address).await;
    bound.map(Some).map_err(|source| RunError::Listen { key, address: address.to_string(), source })
}

/// A socket that a killed shim left behind is taken over; one that answers belongs to a running shim.
fn bind_unix(path: &Path) -> Result<UnixListener, RunError> {
    let failed = |source| RunError::Listen { key: "accept.unix", address: path.display().to_string(), source };
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(failed(io::Error::new(io::ErrorKind::AddrInUse, "another shim answers there")));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    UnixListener::bind(path).map_err(failed)
}

fn write_ready(parts: &Parts, mqtt: Option<&TcpListener>, http: Option<&TcpListener>) -> Result<(), RunError> {
    let Some(path) = &parts.config.ready_file else { return Ok(()) };
    let address = |listener: Option<&TcpListener>| listener.and_then(|listener| listener.local_addr().ok());
    let unix = &parts.config.accept.unix;
    let ready = Ready { mqtt: address(mqtt), http: address(http), unix, pid: std::process::id() };
    ready.write(path).map_err(|source| RunError::File { what: "the ready file (`ready_file`)", path: path.clone(), source })
}

fn cap(parts: &Parts) -> Cap {
    Cap::new(parts.config.accept.max_connections, Arc::clone(&parts.intake.counters().connections))
}

fn serve_http(listener: TcpListener, parts: &Parts) -> impl Future<Output = ()> + use<> {
    let deps = http::Deps { intake: parts.intake.clone(), status: parts.status.clone(), downlink: parts.downlink.clone() };
    let listener = CappedListener { listener, cap: cap(parts) };
    let stop = parts.stop_intake.clone();
    async move {
        let serving = axum::serve(listener, http::router(deps)).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = serving.await {
            tracing::error!(%error, "The HTTP intake failed");
        }
    }
}

fn serve_unix(listener: UnixListener, parts: &Parts) -> impl Future<Output = ()> + use<> {
    let (cap, stop, max_in_flight) = (cap(parts), parts.stop_intake.clone(), parts.config.accept.max_in_flight);
    let (intake, status) = (parts.intake.clone(), parts.status.clone());
    async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                io = cap.accept_unix(&listener) => {
                    connections.spawn(unix::serve(io, intake.clone(), status.clone(), max_in_flight, stop.clone()));
                }
                Some(_) = connections.join_next() => {}
                () = stop.cancelled() => break,
            }
        }
        while connections.join_next().await.is_some() {}
    }
}

fn mqtt_deps(parts: &Parts) -> mqtt::Deps {
    mqtt::Deps {
        intake: parts.intake.clone(),
        downlink: parts.downlink.clone(),
        max_in_flight: parts.config.accept.max_in_flight,
        stop: parts.stop_intake.clone(),
    }
}
