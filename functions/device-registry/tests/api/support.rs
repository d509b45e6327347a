//! A registry in memory, and short ways to ask it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use device_registry::{Deps, router};
use domain::ports::{Command, CommandChannel, Delivery, Expect, Page, Records, Stores, Versioned, Written};
use domain::{DeviceKey, PortError};
use edge::{AdminAuth, AdminToken};
pub(crate) use fixture::NOON;
use fixture::{Answer, TestClock, ask};
use serde_json::{Value, json};
use tokio::task::yield_now;

pub(crate) const P: &str = "/v1/projects/p-1/locations/us-central1";
pub(crate) const REG: &str = "/v1/projects/p-1/locations/us-central1/registries/reg";
pub(crate) const TOKEN: &str = "secret";
/// Answers commands as told; remembers commands and hints.
pub(crate) struct Channel {
    pub(crate) answer: Mutex<Result<Delivery, PortError>>,
    pub(crate) delivered: Mutex<Vec<(DeviceKey, Command)>>,
    pub(crate) hints: Mutex<Vec<String>>,
}

#[async_trait]
impl CommandChannel for Channel {
    async fn deliver(&self, device: &DeviceKey, command: Command) -> Result<Delivery, PortError> {
        self.delivered.lock().unwrap().push((device.clone(), command));
        self.answer.lock().unwrap().clone()
    }
    async fn hint(&self, device: &DeviceKey) -> Result<(), PortError> {
        self.hints.lock().unwrap().push(device.id.to_string());
        Ok(())
    }
}

/// Writes that may still happen before the store fails.
type Budget = Arc<AtomicI64>;

/// Records that let others go first at every call, so that requests running together really interleave; and that fail
/// once a budget of writes is used up, as a process that dies does.
struct Rough<T>(Arc<dyn Records<T>>, Budget);

impl<T> Rough<T> {
    async fn spend(&self) -> Result<(), PortError> {
        yield_now().await;
        let left = self.1.fetch_sub(1, Ordering::Relaxed);
        if left > 0 { Ok(()) } else { Err(PortError::passing("records", "the budget is used up")) }
    }
}

#[async_trait]
impl<T: Send + Sync> Records<T> for Rough<T> {
    async fn get(&self, key: &str) -> Result<Option<Versioned<T>>, PortError> {
        yield_now().await;
        self.0.get(key).await
    }
    async fn put(&self, key: &str, value: &T, expect: Expect) -> Result<Written, PortError> {
        self.spend().await?;
        self.0.put(key, value, expect).await
    }
    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        self.spend().await?;
        self.0.delete(key, expect).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<T>, PortError> {
        yield_now().await;
        self.0.list(prefix, after, limit).await
    }
}

fn rough(stores: &Stores, budget: &Budget) -> Stores {
    Stores {
        registries: Arc::new(Rough(stores.registries.clone(), budget.clone())),
        devices: Arc::new(Rough(stores.devices.clone(), budget.clone())),
        device_numbers: Arc::new(Rough(stores.device_numbers.clone(), budget.clone())),
        configs: Arc::new(Rough(stores.configs.clone(), budget.clone())),
        states: Arc::new(Rough(stores.states.clone(), budget.clone())),
        statuses: Arc::new(Rough(stores.statuses.clone(), budget.clone())),
        commands: Arc::new(Rough(stores.commands.clone(), budget.clone())),
        broadcasts: Arc::new(Rough(stores.broadcasts.clone(), budget.clone())),
        bindings: Arc::new(Rough(stores.bindings.clone(), budget.clone())),
        issued_tokens: stores.issued_tokens.clone(),
        policies: Arc::new(Rough(stores.policies.clone(), budget.clone())),
    }
}

/// The function and all that it was given.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) stores: Stores,
    pub(crate) channel: Arc<Channel>,
    pub(crate) clock: Arc<TestClock>,
    /// Writes until the stores fail; practically endless at first.
    pub(crate) budget: Budget,
    /// What the next device number is made of.
    pub(crate) random: Arc<AtomicU64>,
}

impl App {
    pub(crate) fn new() -> Self {
        Self::with_steps_of(7_919)
    }

    /// With registry `reg` and a source of numbers that always gives the same.
    pub(crate) async fn with_broken_random() -> Self {
        let app = Self::with_steps_of(0);
        app.post(&format!("{P}/registries"), json!({"id": "reg"})).await.ok();
        app
    }

    fn with_steps_of(step: u64) -> Self {
        let stores = infra_local::memory_stores();
        let budget: Budget = Arc::new(AtomicI64::new(i64::MAX));
        let channel =
            Arc::new(Channel { answer: Mutex::new(Ok(Delivery::Acknowledged)), delivered: Mutex::default(), hints: Mutex::default() });
        let clock = Arc::new(TestClock::default());
        let random = Arc::new(AtomicU64::new(600_000_000_000_000));
        let counter = random.clone();
        let deps = Deps {
            stores: rough(&stores, &budget),
            commands: channel.clone(),
            clock: clock.clone(),
            random: Arc::new(move || counter.fetch_add(step, Ordering::Relaxed)),
            admin: AdminAuth::Token(AdminToken::new(TOKEN)),
        };
        Self { router: router(deps), stores, channel, clock, budget, random }
    }

    /// With registry `reg`.
    pub(crate) async fn with_registry() -> Self {
        let app = Self::new();
        app.post(&format!("{P}/registries"), json!({"id": "reg"})).await.ok();
        app
    }

    /// With registry `reg` and device `dev`.
    pub(crate) async fn with_device() -> Self {
        let app = Self::with_registry().await;
        app.post(&format!("{REG}/devices"), json!({"id": "dev"})).await.ok();
        app
    }

    pub(crate) async fn raw(&self, method: &str, uri: &str, body: String) -> Answer {
        let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {TOKEN}"));
        ask(&self.router, request.body(Body::from(body)).unwrap()).await.json()
    }
    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.raw("GET", uri, String::new()).await
    }
    pub(crate) async fn post(&self, uri: &str, body: Value) -> Answer {
        self.raw("POST", uri, body.to_string()).await
    }
    pub(crate) async fn patch(&self, uri: &str, body: Value) -> Answer {
        self.raw("PATCH", uri, body.to_string()).await
    }
    pub(crate) async fn delete(&self, uri: &str) -> Answer {
        self.raw("DELETE", uri, String::new()).await
    }
    /// The key of device `dev`.
    pub(crate) fn key() -> DeviceKey {
        fixture::device_key("projects/p-1/locations/us-central1/registries/reg", "dev")
    }
    /// Creates a device in `reg`.
    pub(crate) async fn create(&self, device: Value) -> Answer {
        self.post(&format!("{REG}/devices"), device).await
    }
}

/// A fresh P-256 key in PEM, as a credential of the API.
pub(crate) fn es256() -> Value {
    let key = rcgen::KeyPair::generate().unwrap();
    json!({"publicKey": {"format": "ES256_PEM", "key": key.public_key_pem()}})
}
