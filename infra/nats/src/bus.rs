//! The connection, and whether it is up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Event};
use bytes::Bytes;
use domain::PortError;
use domain::ports::Clock;
use tokio::sync::watch;

use crate::counters::{Counters, Snapshot};
use crate::options::{NatsError, Options};

/// What the caller of a function is told besides.
pub(crate) const TOLD_DOWN: &str = "the command bus is down; telemetry and connections of devices are not affected";

/// How long a message may take to leave for a server that is up.
pub(crate) const SEND_LIMIT: Duration = Duration::from_secs(1);

/// How often a process that ends looks whether it may.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Whether the bus is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Down,
    /// For the so-manieth time.
    Up(u64),
}

/// One connection to NATS, used by the functions and by the bridge of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Nats {
    pub(crate) bus: Arc<Bus>,
}

pub(crate) struct Bus {
    pub(crate) client: Client,
    pub(crate) link: watch::Receiver<Link>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) command_timeout: Duration,
    pub(crate) node: u64,
    pub(crate) next: AtomicU64,
    /// Sessions of this process on the bus.
    pub(crate) seats: AtomicU64,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("link", &*self.link.borrow()).field("node", &self.node).finish_non_exhaustive()
    }
}

impl Nats {
    /// A connection that is being made: a server that is down now is tried again until it is there.
    pub async fn connect(options: Options, clock: Arc<dyn Clock>) -> Result<Self, NatsError> {
        let addresses = options.addresses()?;
        let (state, link) = watch::channel(Link::Down);
        let counters = Arc::new(Counters::default());
        let watcher =
            Arc::new(Watcher { state, counters: counters.clone(), names: options.servers.join(","), said: AtomicBool::new(false) });
        let client = options.client_options().await?.event_callback(move |event| {
            watcher.on(&event);
            std::future::ready(())
        });
        let client = client.connect(addresses).await?;
        let Options { command_timeout, node, .. } = options;
        let bus = Bus { client, link, counters, clock, command_timeout, node, next: AtomicU64::new(0), seats: AtomicU64::new(0) };
        Ok(Self { bus: Arc::new(bus) })
    }

    /// Whether commands can be sent now.
    pub fn is_up(&self) -> bool {
        self.bus.is_up()
    }

    /// Before the process ends: waits until what was under way to sessions that left is answered, and that has gone out. A second
    /// each at most; what is not answered by then is left to its caller's probe.
    pub async fn settle(&self) {
        let bus = &*self.bus;
        let settled = async {
            while bus.is_up() && bus.seats.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let _in_time = tokio::time::timeout(SEND_LIMIT, settled).await;
        let _in_time = tokio::time::timeout(SEND_LIMIT, bus.client.flush()).await;
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Snapshot {
        self.bus.counters.snapshot()
    }
}

impl Bus {
    /// The client's own word is the newest; ours comes by way of an event and says also that subscriptions may follow.
    pub(crate) fn is_up(&self) -> bool {
        self.client.connection_state() == State::Connected && *self.link.borrow() != Link::Down
    }

    /// The failure of whoever needs the bus while it is down.
    pub(crate) fn down(&self, reason: &str) -> PortError {
        self.counters.failed.one();
        PortError::passing("commands", reason).telling(TOLD_DOWN)
    }

    /// Sends, or counts that it could not.
    pub(crate) async fn send(&self, subject: String, payload: Bytes) {
        let sent = tokio::time::timeout(SEND_LIMIT, self.client.publish(subject, payload)).await;
        if !matches!(sent, Ok(Ok(()))) {
            self.counters.unsent.one();
        }
    }
}

/// Turns what the client says into [`Link`], and says it to whoever runs this: once each time, not for each attempt.
struct Watcher {
    state: watch::Sender<Link>,
    counters: Arc<Counters>,
    names: String,
    /// Whether it was said that the bus is down.
    said: AtomicBool,
}

impl Watcher {
    fn on(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.state.send_modify(|link| {
                    *link = Link::Up(match link {
                        Link::Up(n) => *n + 1,
                        Link::Down => self.counters.snapshot().lost + 1,
                    });
                });
                self.said.store(false, Ordering::Relaxed);
                tracing::info!("The command bus at {} is up", self.names);
            }
            Event::Disconnected | Event::Closed => {
                self.counters.lost.one();
                self.state.send_replace(Link::Down);
                self.say("lost");
            }
            Event::SlowConsumer(_) => self.counters.dropped.one(),
            Event::ServerError(e) => tracing::warn!(error = %e, "The command bus at {} complains: {e}", self.names),
            Event::ClientError(e) => self.say(e),
            other => tracing::debug!("The command bus at {}: {other}", self.names),
        }
    }

    fn say(&self, what: impl std::fmt::Display) {
        if !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!("The command bus at {} is down ({what}): commands fail until it is back, telemetry goes on", self.names);
        }
    }
}
