//! Local MQTT 3.1.1 and 5 with the topics of Cloud IoT Core: a program written for it needs `localhost` as its bridge
//! and nothing else. Any client id, user name and password is taken: the listener is on loopback.
//!
//! - PUBACK comes when the reading is durable; a window of readings is made durable together, PUBACKs leave in order.
//! - A topic or QoS that Cloud IoT Core refused ends the connection; MQTT 5 clients are told why.
//! - A reading that the spool does not take now: PUBACK with code 151 in MQTT 5, the end of the connection in 3.1.1.
//! - The configuration follows SUBACK with the last one known; a command counts as taken when a client has it.

mod session;
mod subscriptions;
mod wire;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Intake;
use super::listener::Cap;
use crate::downlink::Downlink;

/// What a session needs.
#[derive(Clone)]
pub struct Deps {
    /// Where readings go.
    pub intake: Intake,
    /// Where configurations and commands come from.
    pub downlink: Arc<Downlink>,
    /// Readings of one connection that may await the disk.
    pub max_in_flight: usize,
    /// Cancelled when no further reading is to be taken.
    pub stop: CancellationToken,
}

/// Serves connections until stopped; readings under way are then still answered.
pub async fn serve(listener: TcpListener, cap: Cap, deps: Deps) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            io = cap.accept_tcp(&listener) => {
                sessions.spawn(session::run(io, deps.clone()));
            }
            Some(_) = sessions.join_next() => {}
            () = deps.stop.cancelled() => break,
        }
    }
    while sessions.join_next().await.is_some() {}
}
