//! Devices that come over HTTP: `GET /mqtt` with an upgrade to WebSocket (MQTT 5, section 6). Behind it the connection is one
//! like any other: it waits in the same room, has the same time for its CONNECT, and its session knows no difference.
//!
//! * A request that is no opening of MQTT is answered with a sentence and the status for it, and costs nothing else.
//! * A message has the length of MQTT's own packets: that of a CONNECT until the device is let in, of a PUBLISH from then on.
//!   A longer one is refused by its header.
//! * The Close frame says why, also to MQTT 3.1.1, which has no DISCONNECT of the server.
//! * TLS is the business of whoever stands before the HTTP server. No cookie is read, so no page of another origin gains anything
//!   by connecting.

use std::io;
use std::sync::Arc;

use ::websocket::{ByteStream, CloseCode, NoUpgrade, Violation};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use crate::bridge::Bridge;
use crate::limits::{FIXED_HEADER_BYTES, MAX_CONNECT_BYTES, MAX_PACKET_BYTES};
use crate::link::Link;
use crate::listener;

/// Where devices ask, as Cloud IoT Core's successors and most brokers have it.
const PATH: &str = "/mqtt";

type Stream = ByteStream<TokioIo<Upgraded>>;

impl Link for Stream {
    fn let_in(&mut self) {
        self.set_limit((MAX_PACKET_BYTES + FIXED_HEADER_BYTES) as usize);
    }

    /// The WebSocket itself ends in order; what MQTT has to say about it is the text.
    fn say_at_close(&mut self, away: bool, why: &str) {
        ByteStream::say_at_close(self, if away { CloseCode::Away } else { CloseCode::Normal }, why);
    }

    fn is_violation(&self, error: &io::Error) -> bool {
        error.get_ref().is_some_and(|source| source.is::<Violation>())
    }
}

/// Why a request was not upgraded.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    NoUpgrade(#[from] NoUpgrade),
    #[error("the server has as many connections as it takes: try again")]
    Full,
    #[error("the server is shutting down: try again")]
    Stopping,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        const WEBSOCKET: (HeaderName, HeaderValue) = (header::UPGRADE, HeaderValue::from_static("websocket"));
        const VERSION: (HeaderName, HeaderValue) = (header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        const SOON: (HeaderName, HeaderValue) = (header::RETRY_AFTER, HeaderValue::from_static("1"));
        let text = format!("{self}\n");
        match self {
            Self::NoUpgrade(NoUpgrade::Plain) => (StatusCode::UPGRADE_REQUIRED, [WEBSOCKET], text).into_response(),
            Self::NoUpgrade(NoUpgrade::Version) => (StatusCode::UPGRADE_REQUIRED, [VERSION], text).into_response(),
            Self::NoUpgrade(NoUpgrade::Subprotocol(_) | NoUpgrade::Broken(_)) => (StatusCode::BAD_REQUEST, text).into_response(),
            Self::Full | Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, [SOON], text).into_response(),
        }
    }
}

pub(crate) fn routes(bridge: Arc<Bridge>) -> Router {
    Router::new().route(PATH, get(answer)).with_state(bridge)
}

async fn answer(State(bridge): State<Arc<Bridge>>, request: Request) -> Response {
    upgrade(&bridge, request).await.unwrap_or_else(|refused| {
        bridge.counters.refused_upgrade.one();
        tracing::debug!("Refused a request for a WebSocket: {refused}");
        refused.into_response()
    })
}

async fn upgrade(bridge: &Arc<Bridge>, mut request: Request) -> Result<Response, Refused> {
    let response = ::websocket::answer(&request)?;
    let place = tokio::select! {
        // A node that stops has room, and is left all the same.
        biased;
        () = bridge.stopped() => return Err(Refused::Stopping),
        place = tokio::time::timeout(bridge.limits.connect_timeout, bridge.room.enter()) => place.map_err(|_| Refused::Full)?,
    };
    bridge.counters.accepted.one();
    // It asked in full; the 101 and its CONNECT are what is waited for.
    place.voice().spoke();
    tokio::spawn(listener::serve(bridge.clone(), open(hyper::upgrade::on(&mut request)), place));
    Ok(response.map(|()| Body::empty()))
}

async fn open(upgraded: OnUpgrade) -> io::Result<Box<dyn Link>> {
    let upgraded = upgraded.await.map_err(io::Error::other)?;
    Ok(Box::new(Stream::of_server(TokioIo::new(upgraded), (MAX_CONNECT_BYTES + FIXED_HEADER_BYTES) as usize)))
}
