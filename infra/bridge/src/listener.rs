//! Accepting connections. A handshake never runs here: one silent client must not hold the door.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::bridge::Bridge;
use crate::connect;
use crate::link::Link;
use crate::room::{Place, Voice};
use crate::session::Session;

/// What stands between a TCP connection and its MQTT bytes.
#[derive(Debug, Clone)]
pub(crate) enum Door {
    Tcp,
    Tls(watch::Receiver<Arc<rustls::ServerConfig>>),
}

impl Door {
    async fn open(&self, tcp: TcpStream) -> std::io::Result<Box<dyn Link>> {
        match self {
            Self::Tcp => Ok(Box::new(tcp)),
            Self::Tls(config) => {
                let config = config.borrow().clone();
                Ok(Box::new(TlsAcceptor::from(config).accept(tcp).await?))
            }
        }
    }
}

/// After a failed accept (no file descriptor left, say): long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts for ever.
pub(crate) async fn accept(bridge: &Arc<Bridge>, listener: TcpListener, door: Door) {
    loop {
        match listener.accept().await {
            Ok((tcp, _peer)) => {
                bridge.counters.accepted.one();
                // A full room holds this one connection here and the next ones in the kernel's backlog.
                let place = bridge.room.enter().await;
                tokio::spawn(serve(bridge.clone(), door.clone(), tcp, place));
            }
            Err(error) => {
                warn!(%error, "Cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(bridge: Arc<Bridge>, door: Door, tcp: TcpStream, mut place: Place) {
    // Acknowledgements are small and written once per burst: waiting to merge them only delays the device.
    let _as_it_is = tcp.set_nodelay(true);
    let limit = bridge.limits.connect_timeout;
    let voice = place.voice();
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(limit, greet(&bridge, &door, tcp, voice)) => greeted,
        () = place.evicted() => {
            bridge.counters.refused_evicted.one();
            return;
        }
        () = bridge.stopped() => return,
    };
    drop(place);
    match greeted {
        Ok(Some(session)) => {
            // A task of its own, so that what the handshake needed is not kept for the life of the session.
            tokio::spawn(session.run());
        }
        Ok(None) => {}
        Err(_) => {
            bridge.counters.refused_silent.one();
            debug!("Closed a connection that sent no CONNECT in {limit:?}");
        }
    }
}

async fn greet(bridge: &Arc<Bridge>, door: &Door, tcp: TcpStream, voice: Voice) -> Option<Session> {
    // Nothing is set up for a connection before its first byte: silence costs a socket and this wait.
    let _broken_shows_below = tcp.readable().await;
    voice.spoke();
    match door.open(tcp).await {
        Ok(link) => connect::greet(bridge, link).await,
        Err(error) => {
            bridge.counters.refused_broken.one();
            debug!(%error, "TLS handshake failed: {error}");
            None
        }
    }
}
