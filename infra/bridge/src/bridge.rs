//! What an embedding process calls.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use axum::Router;
use domain::PortError;
use domain::ports::{CommandChannel, Presence};
use pubsub_fanout::FanOut;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::complaints::Complaints;
use crate::counters::{Counters, Snapshot};
use crate::limits::Limits;
use crate::listener::{self, Door};
use crate::reach::LocalCommands;
use crate::registries::Registries;
use crate::room::Room;
use crate::sessions::Sessions;
use crate::websocket;

/// One bridge: any number of listeners, one map of sessions.
pub struct Bridge {
    pub(crate) fanout: FanOut,
    pub(crate) limits: Limits,
    pub(crate) sessions: Sessions,
    /// The other nodes, if there may be any.
    pub(crate) presence: Option<Arc<dyn Presence>>,
    pub(crate) room: Room,
    pub(crate) counters: Counters,
    pub(crate) complaints: Complaints,
    pub(crate) registries: Registries,
    /// Payload bytes at the publisher, all sessions together.
    pub(crate) publishing: AtomicUsize,
    stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Bridge {
    /// A bridge that publishes through `fanout` and reads the records, statuses and clock that `fanout` has.
    pub fn new(fanout: FanOut, limits: Limits) -> Arc<Self> {
        Self::among_others(fanout, limits, None)
    }

    /// The same, as one of several nodes: `presence` tells the others of its sessions.
    pub fn among_others(fanout: FanOut, limits: Limits, presence: Option<Arc<dyn Presence>>) -> Arc<Self> {
        let room = Room::new(limits.max_waiting, limits.grace);
        Arc::new(Self {
            fanout,
            limits,
            sessions: Sessions::default(),
            presence,
            room,
            counters: Counters::default(),
            complaints: Complaints::default(),
            registries: Registries::default(),
            publishing: AtomicUsize::new(0),
            stopping: watch::Sender::new(false),
        })
    }

    /// Accepts MQTT over TCP until `shutdown` resolves or [`Bridge::stop`] is called. Sessions go on after it returns.
    pub async fn serve_tcp(self: &Arc<Self>, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        self.serve(listener, Door::Tcp, shutdown).await;
    }

    /// As [`Bridge::serve_tcp`], over TLS. The configuration is read anew for each connection: send another into the
    /// channel to change certificates without a restart.
    pub async fn serve_tls(
        self: &Arc<Self>,
        listener: TcpListener,
        config: watch::Receiver<Arc<rustls::ServerConfig>>,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        self.serve(listener, Door::Tls(config), shutdown).await;
    }

    /// MQTT over WebSocket, for whoever serves HTTP: `GET /mqtt` upgrades. Sessions go on after the server has stopped.
    pub fn routes(self: &Arc<Self>) -> Router {
        websocket::routes(self.clone())
    }

    async fn serve(self: &Arc<Self>, listener: TcpListener, door: Door, shutdown: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = listener::accept(self, listener, door) => {}
            () = shutdown => {}
            () = self.stopped() => {}
        }
    }

    /// Counts and tells of a read or a write that failed.
    pub(crate) fn records_failed(&self, e: &PortError) {
        self.counters.records_failed.one();
        self.complaints.records(e);
    }

    /// Resolves once [`Bridge::stop`] was called.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _never_closed = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Commands and hints for the sessions of this process.
    pub fn commands(self: &Arc<Self>) -> Arc<dyn CommandChannel> {
        Arc::new(LocalCommands(self.clone()))
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Snapshot {
        self.counters.snapshot(self.sessions.live(), self.room.waiting())
    }

    /// Stops: nothing more is accepted; every session finishes what it took, says DISCONNECT (MQTT 5: 0x8B) and
    /// closes. Returns when all are gone, or after twice [`Limits::drain`] with what is left dropped unacknowledged.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        let _out_of_time = tokio::time::timeout(2 * self.limits.drain, self.sessions.drain()).await;
    }
}
