//! HTTP/1.1 for whoever comes. What a connection may cost before it has asked for anything is bounded here; what a request may
//! cost is the business of its function.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::{Request, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;
use tower::ServiceExt as _;

/// Connections at a time, those upgraded to WebSocket left out: these wait in the bridge's own room. Past it the next ones wait in
/// the kernel's backlog.
const MAX_CONNECTIONS: u32 = 10_000;
/// Time from the accepted connection to the end of its first request's headers, as the bridge gives for a CONNECT.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// The same for each further request, so also how long a connection may be idle: longer than proxies keep theirs, which is a
/// minute as a rule, or their next request would meet a closed connection.
const NEXT_REQUEST: Duration = Duration::from_secs(90);
/// After a failed accept: long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

static SILENT: AtomicU64 = AtomicU64::new(0);
static FULL: AtomicU64 = AtomicU64::new(0);

/// What the HTTP listeners of this process counted since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpCounters {
    /// Connections closed because their first request did not come in time.
    pub silent: u64,
    /// Times that nothing was accepted because there were too many connections.
    pub full: u64,
}

/// See [`HttpCounters`].
pub fn http_counters() -> HttpCounters {
    HttpCounters { silent: SILENT.load(Ordering::Relaxed), full: FULL.load(Ordering::Relaxed) }
}

/// Serves until `stop`, then finishes the requests that were begun. Upgraded connections go on without it.
pub async fn http(listener: TcpListener, app: Router, stop: impl Future<Output = ()> + Send + 'static) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let stopping = watch::Sender::new(false);
    let mut stop = pin!(stop);
    loop {
        let (tcp, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        tokio::spawn(connection(tcp, app.clone(), stopping.subscribe(), place));
    }
    drop(listener);
    stopping.send_replace(true);
    // All places are free when the last connection is gone. The semaphore is never closed.
    let _all_gone = places.acquire_many(MAX_CONNECTIONS).await;
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        if places.available_permits() == 0 {
            FULL.fetch_add(1, Ordering::Relaxed);
        }
        let Ok(place) = places.clone().acquire_owned().await else { continue };
        match listener.accept().await {
            Ok((tcp, _peer)) => return (tcp, place),
            Err(error) => {
                tracing::warn!(%error, "Cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(tcp: TcpStream, app: Router, mut stopping: watch::Receiver<bool>, _place: OwnedSemaphorePermit) {
    // An answer is written at once; waiting for more would only delay it.
    let _as_it_is = tcp.set_nodelay(true);
    let asked = Arc::new(AtomicBool::new(false));
    let spoke = asked.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        spoke.store(true, Ordering::Relaxed);
        let app = app.clone();
        async move { Ok::<Response, Infallible>(app.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(NEXT_REQUEST);
    let mut served = pin!(builder.serve_connection(TokioIo::new(tcp), answer).with_upgrades());
    let mut first = pin!(sleep(FIRST_REQUEST));
    let (mut in_time, mut told) = (false, false);
    loop {
        tokio::select! {
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "An HTTP connection ended: {error}");
                }
                return;
            }
            () = first.as_mut(), if !in_time => {
                if !asked.load(Ordering::Relaxed) {
                    SILENT.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                in_time = true;
            }
            _ = stopping.wait_for(|stopping| *stopping), if !told => {
                told = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}
