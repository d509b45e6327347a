//! A relay over records in memory, a channel whose devices behave as told, and short ways to ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use command_relay::{Deps, router};
use domain::command::Recipient;
use domain::config::ConfigHistory;
use domain::device::GatewayType;
use domain::ports::{Clock, Command, CommandChannel, Delivery, Expect, Page, Records, Stores, Versioned, Written};
use domain::{Device, DeviceKey, DomainError, PortError, gateway};
use edge::{AdminAuth, AdminToken};
pub(crate) use fixture::NOON;
use fixture::{Answer, TestClock, ask};
use serde_json::Value;
use tokio::task::yield_now;

pub(crate) const REGISTRY: &str = "projects/p-1/locations/us-central1/registries/reg";
pub(crate) const REG: &str = "/v1/projects/p-1/locations/us-central1/registries/reg";
pub(crate) const DEV: &str = "/v1/projects/p-1/locations/us-central1/registries/reg/devices/dev";
const TOKEN: &str = "secret";
type Delivered = Result<Delivery, PortError>;

/// Sessions that no real bridge can be made to show at will: each device answers as told, all others as `usual` says.
pub(crate) struct Channel {
    pub(crate) usual: Mutex<Delivered>,
    pub(crate) of: Mutex<BTreeMap<String, Delivered>>,
    pub(crate) delivered: Mutex<Vec<(String, Command)>>,
    pub(crate) hints: Mutex<Vec<String>>,
    /// How long each delivery takes, by the test's clock.
    pub(crate) takes: Mutex<Duration>,
    clock: Arc<TestClock>,
}

#[async_trait]
impl CommandChannel for Channel {
    /// As AWS IoT refuses what it takes for a wildcard.
    fn check(&self, device: &DeviceKey) -> Result<(), DomainError> {
        if device.id.as_str().contains('+') { Err(DomainError::Precondition("no session can have this name".into())) } else { Ok(()) }
    }
    async fn deliver(&self, device: &DeviceKey, command: Command) -> Delivered {
        self.delivered.lock().unwrap().push((device.id.to_string(), command));
        // Others may go on meanwhile.
        yield_now().await;
        self.clock.pass(*self.takes.lock().unwrap());
        let own = self.of.lock().unwrap().get(device.id.as_str()).cloned();
        own.unwrap_or_else(|| self.usual.lock().unwrap().clone())
    }
    async fn hint(&self, device: &DeviceKey) -> Result<(), PortError> {
        self.hints.lock().unwrap().push(device.id.to_string());
        Ok(())
    }
}

/// Records that let others go first at every call, so that requests running together really interleave.
struct Yielding<T>(Arc<dyn Records<T>>);

#[async_trait]
impl<T: Send + Sync> Records<T> for Yielding<T> {
    async fn get(&self, key: &str) -> Result<Option<Versioned<T>>, PortError> {
        yield_now().await;
        self.0.get(key).await
    }
    async fn put(&self, key: &str, value: &T, expect: Expect) -> Result<Written, PortError> {
        yield_now().await;
        self.0.put(key, value, expect).await
    }
    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        yield_now().await;
        self.0.delete(key, expect).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<T>, PortError> {
        yield_now().await;
        let page = self.0.list(prefix, after, limit).await;
        yield_now().await;
        page
    }
}

/// Device records that count their reads.
struct Counted(Arc<dyn Records<Device>>, Arc<AtomicU64>);

#[async_trait]
impl Records<Device> for Counted {
    async fn get(&self, key: &str) -> Result<Option<Versioned<Device>>, PortError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.get(key).await
    }
    async fn put(&self, key: &str, value: &Device, expect: Expect) -> Result<Written, PortError> {
        self.0.put(key, value, expect).await
    }
    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        self.0.delete(key, expect).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<Device>, PortError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.list(prefix, after, limit).await
    }
}

/// The function and all that it was given.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) stores: Stores,
    pub(crate) channel: Arc<Channel>,
    pub(crate) clock: Arc<TestClock>,
}

impl App {
    /// With registry `reg` and device `dev`, number 7, that acknowledges.
    pub(crate) async fn new() -> Self {
        Self::over(infra_local::memory_stores()).await
    }

    /// The same, with the number of times that a device's record was read.
    pub(crate) async fn counting() -> (Self, Arc<AtomicU64>) {
        let (stores, reads) = (infra_local::memory_stores(), Arc::new(AtomicU64::new(0)));
        let devices = Arc::new(Counted(stores.devices.clone(), reads.clone()));
        (Self::over(Stores { devices, ..stores }).await, reads)
    }

    async fn over(stores: Stores) -> Self {
        let stores = Stores {
            commands: Arc::new(Yielding(stores.commands.clone())),
            broadcasts: Arc::new(Yielding(stores.broadcasts.clone())),
            configs: Arc::new(Yielding(stores.configs.clone())),
            ..stores
        };
        let clock = Arc::new(TestClock::default());
        let channel = Arc::new(Channel {
            usual: Mutex::new(Ok(Delivery::Acknowledged)),
            of: Mutex::default(),
            delivered: Mutex::default(),
            hints: Mutex::default(),
            takes: Mutex::default(),
            clock: clock.clone(),
        });
        let random = AtomicU64::new(1);
        let deps = Deps {
            stores: stores.clone(),
            commands: channel.clone(),
            clock: clock.clone(),
            random: Arc::new(move || random.fetch_add(1, Ordering::Relaxed)),
            admin: AdminAuth::Token(AdminToken::new(TOKEN)),
        };
        let app = Self { router: router(deps), stores, channel, clock };
        app.stores.registries.put(REGISTRY, &fixture::registry(REGISTRY), Expect::Absent).await.unwrap();
        app.add("dev", 7, &[]).await;
        app
    }

    /// Another device.
    pub(crate) async fn add(&self, id: &str, num_id: u64, metadata: &[(&str, &str)]) {
        let mut device = fixture::device(Self::key(id), num_id, Vec::new());
        device.metadata = metadata.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let key = device.key.to_string();
        fixture::keep(&self.stores, &device).await;
        let config = ConfigHistory::first(vec![], self.clock.now());
        self.stores.configs.put(&key, &config, Expect::Anything).await.unwrap();
    }

    /// Another device, number 8, that is a gateway by the name of `gate`, with `dev` bound to it.
    pub(crate) async fn group(&self) {
        let mut gate = fixture::device(Self::key("gate"), 8, Vec::new());
        gate.gateway.kind = GatewayType::Gateway;
        fixture::keep(&self.stores, &gate).await;
        let dev = self.stores.devices.get(&Self::key("dev").to_string()).await.unwrap().unwrap().value;
        gateway::bind(&self.stores, &gate, &dev, self.clock.now()).await.unwrap();
    }

    /// What every device answers from now on, unless told otherwise.
    pub(crate) fn all(&self, answer: Delivered) {
        *self.channel.usual.lock().unwrap() = answer;
    }

    /// What was handed to sessions: device and payload as text.
    pub(crate) fn delivered(&self) -> Vec<(String, String)> {
        let text = |c: &Command| String::from_utf8(c.data.to_vec()).unwrap();
        self.channel.delivered.lock().unwrap().iter().map(|(device, c)| (device.clone(), text(c))).collect()
    }

    pub(crate) fn key(id: &str) -> DeviceKey {
        fixture::device_key(REGISTRY, id)
    }

    pub(crate) fn recipient() -> Recipient {
        Recipient { key: Self::key("dev"), num_id: 7 }
    }

    async fn raw(&self, method: &str, uri: &str, body: String) -> Answer {
        let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {TOKEN}"));
        ask(&self.router, request.body(Body::from(body)).unwrap()).await.json()
    }
    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.raw("GET", uri, String::new()).await
    }
    pub(crate) async fn post(&self, uri: &str, body: Value) -> Answer {
        self.raw("POST", uri, body.to_string()).await
    }
    pub(crate) async fn delete(&self, uri: &str) -> Answer {
        self.raw("DELETE", uri, String::new()).await
    }
}
