//! A real nats-server of the test's own, processes on it, and devices that do as they are told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use domain::ports::{Clock, Command, Delivery, LiveSession, Presence};
use domain::{DeviceKey, PortError, Timestamp};
use infra_nats::{Nats, Options};
use stage::NatsServer;
use tokio::sync::Notify;

/// How long a bridge node waits for a device, in these tests.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(20);

/// The system's clock, set wrong by so much.
#[derive(Default)]
pub struct WrongClock(pub AtomicI64);

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        Timestamp(Timestamp::from(SystemTime::now()).0 + self.0.load(Ordering::SeqCst) * 1_000_000)
    }
}

/// A server and who is on it.
pub struct Bus {
    pub server: NatsServer,
    nodes: AtomicU64,
    _folder: tempfile::TempDir,
}

impl Bus {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = NatsServer::start(&NatsServer::program_from_env().unwrap(), folder.path()).unwrap();
        Self { server, nodes: AtomicU64::new(1), _folder: folder }
    }

    /// Another process, not waited for.
    pub async fn joining(&self, clock: Arc<WrongClock>) -> Nats {
        self.joining_at(self.server.addr(), clock).await
    }

    /// The same by another way.
    pub async fn joining_at(&self, server: SocketAddr, clock: Arc<WrongClock>) -> Nats {
        let options = options(vec![format!("nats://{server}")], self.nodes.fetch_add(1, Ordering::SeqCst));
        Nats::connect(options, clock).await.unwrap()
    }

    /// Another process, connected.
    pub async fn node(&self) -> Nats {
        let node = self.joining(Arc::default()).await;
        eventually("the bus is up", || node.is_up()).await;
        node
    }
}

/// Of a process that shows nothing of itself.
pub fn options(servers: Vec<String>, node: u64) -> Options {
    Options { servers, credentials: None, roots: None, certificate: None, command_timeout: COMMAND_TIMEOUT, node }
}

/// A process, connected.
pub async fn connected_to(options: Options) -> Nats {
    let node = Nats::connect(options, Arc::<WrongClock>::default()).await.unwrap();
    eventually("the bus is up", || node.is_up()).await;
    node
}

/// What a device does with commands, and what it saw.
pub struct Device {
    answer: Delivery,
    /// Commands wait for this; set from the beginning when nothing should wait.
    go: Option<Notify>,
    pub commands: Mutex<Vec<Command>>,
    pub hints: AtomicU64,
    pub taken_over: AtomicU64,
}

impl Device {
    pub fn that_answers(answer: Delivery) -> Arc<Self> {
        Arc::new(Self { answer, go: None, commands: Mutex::default(), hints: AtomicU64::new(0), taken_over: AtomicU64::new(0) })
    }

    /// Takes commands and answers none before [`Device::go`].
    pub fn that_waits() -> Arc<Self> {
        let go = Some(Notify::new());
        let answer = Delivery::Acknowledged;
        Arc::new(Self { answer, go, commands: Mutex::default(), hints: AtomicU64::new(0), taken_over: AtomicU64::new(0) })
    }

    pub fn go(&self) {
        self.go.as_ref().unwrap().notify_waiters();
    }

    pub fn got(&self) -> usize {
        self.commands.lock().unwrap().len()
    }

    pub fn was_taken_over(&self) -> bool {
        self.taken_over.load(Ordering::SeqCst) > 0
    }

    pub async fn enter(self: &Arc<Self>, node: &Nats, key: &DeviceKey) -> Box<dyn Send + Sync> {
        node.enter(key, self.clone()).await
    }
}

#[async_trait]
impl LiveSession for Device {
    async fn deliver(&self, command: Command) -> Result<Delivery, PortError> {
        let wait = self.go.as_ref().map(Notify::notified);
        self.commands.lock().unwrap().push(command);
        if let Some(wait) = wait {
            wait.await;
        }
        Ok(self.answer)
    }

    fn hint(&self) {
        self.hints.fetch_add(1, Ordering::SeqCst);
    }

    fn take_over(&self) {
        self.taken_over.fetch_add(1, Ordering::SeqCst);
    }
}

pub fn key(id: &str) -> DeviceKey {
    DeviceKey { registry: "projects/example.com:p/locations/l/registries/reg".parse().unwrap(), id: id.parse().unwrap() }
}

pub fn command(data: &str) -> Command {
    Command { id: Some("c-1".into()), subfolder: "deep/down".into(), data: data.to_owned().into() }
}

pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
