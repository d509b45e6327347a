//! A bridge on a free port of this machine, real keys, records in memory, and a publisher that can be made to fail.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

pub mod client;
pub mod keys;
pub mod log;
pub mod sink;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::config::ConfigHistory;
use domain::device::GatewayType;
use domain::ports::{Clock, Expect, Presence, Stores};
use domain::status::{DeviceStatus, StatusBook};
use domain::{Device, DeviceCredential, DeviceKey, Registry, Route, Timestamp};
use infra_bridge::{Bridge, Limits};
use infra_local::{SystemClock, memory_stores};
use pubsub_fanout::FanOut;
use tokio::net::TcpListener;

use self::client::Client;
use self::keys::Key;
use self::sink::Sink;

/// Registry of every test.
pub const REGISTRY: &str = "projects/proj/locations/us-central1/registries/reg";

/// A bridge under test.
pub struct Rig {
    pub bridge: Arc<Bridge>,
    pub stores: Stores,
    pub sink: Arc<Sink>,
    pub addr: SocketAddr,
    pub key: Key,
}

/// Limits that let a test end soon.
pub fn limits() -> Limits {
    Limits { drain: Duration::from_secs(2), command_timeout: Duration::from_secs(2), ..Limits::default() }
}

pub fn device_key(id: &str) -> DeviceKey {
    fixture::device_key(REGISTRY, id)
}

pub fn client_id(id: &str) -> String {
    format!("{REGISTRY}/devices/{id}")
}

fn registry() -> Registry {
    let route = |topic: &str, subfolder: &str| Route {
        topic: format!("projects/proj/topics/{topic}").parse().unwrap(),
        subfolder_matches: subfolder.into(),
        fan_out: false,
    };
    let mut registry = fixture::registry(REGISTRY);
    registry.routes = vec![route("alarms", "alarm"), route("events", "")];
    registry.state_topic = Some("projects/proj/topics/states".parse().unwrap());
    registry
}

impl Rig {
    /// A bridge with device `dev` (number 1).
    pub async fn new() -> Self {
        Self::with(limits()).await
    }

    pub async fn with(limits: Limits) -> Self {
        Self::over(memory_stores(), limits).await
    }

    pub async fn over(stores: Stores, limits: Limits) -> Self {
        Self::node(stores, limits, None).await
    }

    /// One of several nodes.
    pub async fn node(stores: Stores, limits: Limits, presence: Option<Arc<dyn Presence>>) -> Self {
        let (sink, key) = (Arc::new(Sink::default()), Key::ec());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
        let fanout = FanOut { publisher: sink.clone(), stores: stores.clone(), statuses, clock };
        let bridge = Bridge::among_others(fanout, limits, presence);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let serving = bridge.clone();
        tokio::spawn(async move { serving.serve_tcp(listener, std::future::pending()).await });
        let rig = Self { bridge, stores, sink, addr, key };
        rig.put_registry(&registry()).await;
        rig.add("dev", 1).await;
        rig
    }

    pub async fn put_registry(&self, registry: &Registry) {
        self.stores.registries.put(REGISTRY, registry, Expect::Anything).await.unwrap();
    }

    /// Another device with the same key.
    pub async fn add(&self, id: &str, num_id: u64) {
        let credentials = vec![DeviceCredential { key: self.key.raw(), expires_at: None }];
        let device = fixture::device(device_key(id), num_id, credentials);
        fixture::keep(&self.stores, &device).await;
        let config = ConfigHistory::first(vec![], self.now());
        self.stores.configs.put(&device.key.to_string(), &config, Expect::Anything).await.unwrap();
    }

    pub async fn put(&self, device: &Device) {
        self.stores.devices.put(&device.key.to_string(), device, Expect::Anything).await.unwrap();
    }

    pub async fn change(&self, id: &str, change: impl FnOnce(&mut Device)) {
        let mut device = self.stores.devices.get(&device_key(id).to_string()).await.unwrap().unwrap().value;
        change(&mut device);
        self.put(&device).await;
    }

    pub async fn make_gateway(&self, id: &str) {
        self.change(id, |d| d.gateway.kind = GatewayType::Gateway).await;
    }

    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// A connected device over MQTT 3.1.1.
    pub async fn device(&self, id: &str) -> Client {
        Client::accepted(self.addr, 4, &client_id(id), &self.key.token()).await
    }

    /// A connected device over MQTT 5.
    pub async fn device5(&self, id: &str) -> Client {
        Client::accepted(self.addr, 5, &client_id(id), &self.key.token()).await
    }

    pub async fn status(&self, id: &str) -> DeviceStatus {
        self.stores.statuses.get(&device_key(id).to_string()).await.unwrap().map(|s| s.value).unwrap_or_default()
    }

    /// The text of `lastErrorStatus`, waited for at most 3 s.
    pub async fn last_error(&self, id: &str) -> String {
        for _ in 0..300 {
            if let Some(error) = self.status(id).await.last_error {
                return error.message;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no lastErrorStatus for {id}");
    }
}

/// Waits at most 5 s for `what` to hold.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 5 s: {what}");
}
