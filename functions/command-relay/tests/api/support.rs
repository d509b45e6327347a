//! A relay over records in memory, a channel whose devices behave as told, and short ways to ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use command_relay::{Deps, router};
use domain::command::Recipient;
use domain::config::ConfigHistory;
use domain::device::GatewaySettings;
use domain::ports::{Clock, Command, CommandChannel, Delivery, Expect, Page, Records, Stores, Versioned, Written};
use domain::registry::LogLevel;
use domain::{Device, DeviceKey, PortError, Registry, Timestamp};
use edge::{AdminAuth, AdminToken};
use serde_json::Value;
use tokio::task::yield_now;
use tower::ServiceExt as _;

pub(crate) const REGISTRY: &str = "projects/p-1/locations/us-central1/registries/reg";
pub(crate) const REG: &str = "/v1/projects/p-1/locations/us-central1/registries/reg";
pub(crate) const DEV: &str = "/v1/projects/p-1/locations/us-central1/registries/reg/devices/dev";
const TOKEN: &str = "secret";
/// 2026-11-20T12:00:00Z.
pub(crate) const NOON: i64 = 1_795_176_000;

/// A clock that stands still until it is told. Microseconds.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_micros()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

type Answer1 = Result<Delivery, PortError>;

/// Sessions that no real bridge can be made to show at will: each device answers as told, all others as `usual` says.
pub(crate) struct Channel {
    pub(crate) usual: Mutex<Answer1>,
    pub(crate) of: Mutex<BTreeMap<String, Answer1>>,
    pub(crate) delivered: Mutex<Vec<(String, Command)>>,
    pub(crate) hints: Mutex<Vec<String>>,
    /// How long each delivery takes, by the test's clock.
    pub(crate) takes: Mutex<Duration>,
    clock: Arc<TestClock>,
}

#[async_trait]
impl CommandChannel for Channel {
    async fn deliver(&self, device: &DeviceKey, command: Command) -> Answer1 {
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

/// Status and body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer(pub(crate) u16, pub(crate) Value);

impl Answer {
    /// The body of a 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.0, 200, "{}", self.1);
        self.1
    }
    /// Checks status, canonical code and that the message contains `says`.
    #[track_caller]
    pub(crate) fn refused(self, http: u16, status: &str, says: &str) -> Value {
        let error = &self.1["error"];
        assert_eq!((self.0, error["code"].as_u64(), error["status"].as_str()), (http, Some(http.into()), Some(status)), "{}", self.1);
        assert!(error["message"].as_str().unwrap().contains(says), "`{says}` is not in {}", error["message"]);
        self.1
    }
    #[track_caller]
    pub(crate) fn invalid(self, says: &str) -> Value {
        self.refused(400, "INVALID_ARGUMENT", says)
    }
}

fn registry() -> Registry {
    Registry {
        name: REGISTRY.parse().unwrap(),
        routes: vec![],
        state_topic: None,
        mqtt_enabled: true,
        http_enabled: true,
        log_level: LogLevel::None,
        ca_certificates: vec![],
        object_rules: vec![],
        service_accounts: Vec::new(),
    }
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
        let clock = Arc::new(TestClock(AtomicI64::new(NOON * 1_000_000)));
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
        app.stores.registries.put(REGISTRY, &registry(), Expect::Absent).await.unwrap();
        app.add("dev", 7, &[]).await;
        app
    }

    /// Another device.
    pub(crate) async fn add(&self, id: &str, num_id: u64, metadata: &[(&str, &str)]) {
        let device = Device {
            key: Self::key(id),
            num_id,
            credentials: vec![],
            blocked: false,
            metadata: metadata.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            log_level: LogLevel::Unspecified,
            gateway: GatewaySettings::default(),
            service_accounts: Vec::new(),
        };
        let key = device.key.to_string();
        self.stores.devices.put(&key, &device, Expect::Anything).await.unwrap();
        self.stores.device_numbers.put(&num_id.to_string(), &device.key, Expect::Anything).await.unwrap();
        let config = ConfigHistory::first(vec![], self.clock.now());
        self.stores.configs.put(&key, &config, Expect::Anything).await.unwrap();
    }

    /// What every device answers from now on, unless told otherwise.
    pub(crate) fn all(&self, answer: Answer1) {
        *self.channel.usual.lock().unwrap() = answer;
    }

    /// What was handed to sessions: device and payload as text.
    pub(crate) fn delivered(&self) -> Vec<(String, String)> {
        let text = |c: &Command| String::from_utf8(c.data.to_vec()).unwrap();
        self.channel.delivered.lock().unwrap().iter().map(|(device, c)| (device.clone(), text(c))).collect()
    }

    pub(crate) fn key(id: &str) -> DeviceKey {
        DeviceKey { registry: REGISTRY.parse().unwrap(), id: id.parse().unwrap() }
    }

    pub(crate) fn recipient() -> Recipient {
        Recipient { key: Self::key("dev"), num_id: 7 }
    }

    async fn raw(&self, method: &str, uri: &str, body: String) -> Answer {
        let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {TOKEN}"));
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer(status, serde_json::from_slice(&bytes).expect("every answer is JSON"))
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
