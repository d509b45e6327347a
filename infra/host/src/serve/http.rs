//! HTTP/1.1 and HTTP/2 for whoever comes, told apart by their first bytes: HTTP/2 without TLS, by prior knowledge (RFC 9113,
//! section 3.3), as gRPC and Cloud Run speak it. What a connection may cost before it has asked for anything is bounded here; what
//! a request may cost is the business of its function.

mod calls;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

use calls::Calls;

/// Connections at a time, those upgraded to WebSocket left out: these wait in the bridge's own room. Past it the next ones wait in
/// the kernel's backlog. Also requests over HTTP/2 at a time, on however few connections: past it the next ones wait in theirs.
const MAX_CONNECTIONS: u32 = 10_000;
/// Time from the accepted connection to the end of its first request's headers, as the bridge gives for a CONNECT.
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// The same for each further request, so also how long a connection may be idle: longer than proxies keep theirs, which is a
/// minute as a rule, or their next request would meet a closed connection. Over HTTP/2 a connection is told to go, as a client
/// of gRPC expects, when it is found idle for so long; it is looked at as often.
const NEXT_REQUEST: Duration = Duration::from_secs(90);
/// Time from the word to go, over HTTP/2, to the end of a connection that has nothing under way and does not answer.
const GOODBYE: Duration = Duration::from_secs(5);
/// Requests of one connection at a time over HTTP/2; what RFC 9113, section 6.5.2 recommends at least, and gRPC's servers take.
const MAX_STREAMS: u32 = 100;
/// Bytes of bodies that nobody has read yet, of a connection over HTTP/2: what a stranger may make us hold. At the round trip of a
/// front end in the same region, 1 ms, it lets 256 MB/s through.
const WINDOW: u32 = 256 * 1024;
/// After a failed accept: long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

static SILENT: AtomicU64 = AtomicU64::new(0);
static FULL: AtomicU64 = AtomicU64::new(0);

/// What the HTTP listeners of this process counted since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpCounters {
    /// Connections closed because their first request did not come in time.
    pub silent: u64,
    /// Times that a connection was not accepted, or a request over HTTP/2 waited, because there were too many.
    pub full: u64,
}

/// See [`HttpCounters`].
pub fn http_counters() -> HttpCounters {
    HttpCounters { silent: SILENT.load(Ordering::Relaxed), full: FULL.load(Ordering::Relaxed) }
}

/// Serves until `stop`, then finishes the requests that were begun. Upgraded connections go on without it.
pub async fn http(listener: TcpListener, app: Router, stop: impl Future<Output = ()> + Send + 'static) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let stopping = watch::Sender::new(false);
    let mut stop = pin!(stop);
    loop {
        let (tcp, place) = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        // An answer is written at once; waiting for more would only delay it.
        let _as_it_is = tcp.set_nodelay(true);
        let served = connection(tcp, app.clone(), Calls::new(room.clone()), stopping.subscribe());
        tokio::spawn(async move {
            served.await;
            drop(place);
        });
    }
    drop(listener);
    stopping.send_replace(true);
    // All places are free when the last connection is gone. The semaphore is never closed.
    let _all_gone = places.acquire_many(MAX_CONNECTIONS).await;
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    loop {
        let Some(place) = taken(places).await else { continue };
        match listener.accept().await {
            Ok((tcp, _peer)) => return (tcp, place),
            Err(error) => {
                tracing::warn!(%error, "Cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One of `places`, when there is one. None are closed.
async fn taken(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    if places.available_permits() == 0 {
        FULL.fetch_add(1, Ordering::Relaxed);
    }
    places.clone().acquire_owned().await.ok()
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(NEXT_REQUEST);
    let mut http2 = builder.http2();
    http2.timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS);
    http2.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    // A peer that is gone without a word is found by a ping.
    http2.keep_alive_interval(NEXT_REQUEST);
    builder
}

/// Answers the requests of one connection.
fn answers(app: Router, calls: Calls) -> impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send + 'static> {
    service_fn(move |request: Request<Incoming>| {
        let (call, app) = (calls.begin(request.version()), app.clone());
        async move {
            let call = call.admitted().await;
            let response = app.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {});
            Ok(call.until_sent(response))
        }
    })
}

async fn connection(
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    app: Router,
    calls: Calls,
    mut stopping: watch::Receiver<bool>,
) {
    let builder = builder();
    let mut served = pin!(builder.serve_connection_with_upgrades(TokioIo::new(line), answers(app, calls.clone())));
    let (mut first, mut look) = (pin!(sleep(FIRST_REQUEST)), pin!(sleep(NEXT_REQUEST)));
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
                if !calls.any() {
                    SILENT.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                in_time = true;
            }
            () = look.as_mut() => {
                let idle = calls.were_idle();
                if idle && told {
                    return;
                }
                if idle {
                    served.as_mut().graceful_shutdown();
                    told = true;
                }
                look.as_mut().reset(Instant::now() + if told { GOODBYE } else { NEXT_REQUEST });
            }
            _ = stopping.wait_for(|stopping| *stopping), if !told => {
                told = true;
                served.as_mut().graceful_shutdown();
                look.as_mut().reset(Instant::now() + GOODBYE);
            }
        }
    }
}

#[cfg(test)]
mod tests;
