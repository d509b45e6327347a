//! Accepting connections. A handshake never runs here: one silent client must not hold the door.

use std::io;
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
    async fn open(&self, tcp: TcpStream) -> io::Result<Box<dyn Link>> {
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
                let opened = open(door.clone(), tcp, place.voice());
                tokio::spawn(serve(bridge.clone(), opened, place));
            }
            Err(error) => {
                warn!(%error, "Cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn open(door: Door, tcp: TcpStream, voice: Voice) -> io::Result<Box<dyn Link>> {
    // Acknowledgements are small and written once per burst: waiting to merge them only delays the device.
    let _as_it_is = tcp.set_nodelay(true);
    // Nothing is set up for a connection before its first byte: silence costs a socket and this wait.
    let _broken_shows_below = tcp.readable().await;
    voice.spoke();
    door.open(tcp).await
}

/// From a connection that is being opened to a session that runs by itself, or to its refusal. Bounded by the limits of those
/// who are not let in yet.
pub(crate) async fn serve(bridge: Arc<Bridge>, opened: impl Future<Output = io::Result<Box<dyn Link>>> + Send, mut place: Place) {
    let limit = bridge.limits.connect_timeout;
    let greeted = tokio::select! {
        greeted = tokio::time::timeout(limit, greet(&bridge, opened)) => greeted,
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

async fn greet(bridge: &Arc<Bridge>, opened: impl Future<Output = io::Result<Box<dyn Link>>>) -> Option<Session> {
    match opened.await {
        Ok(link) => connect::greet(bridge, link).await,
        Err(error) => {
            bridge.counters.refused_broken.one();
            debug!(%error, "The handshake before MQTT failed: {error}");
            None
        }
    }
}
