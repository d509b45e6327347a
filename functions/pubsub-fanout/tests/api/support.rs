//! A registry with one device, and short ways to speak as it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use domain::config::ConfigHistory;
use domain::device::{Device, DeviceKey};
use domain::ports::{Expect, Publisher, Stores};
use domain::status::{DeviceStatus, StatusBook};
use domain::{Message, PortError, Registry, Route, Timestamp};
pub(crate) use fixture::NOON;
use fixture::{Answer, TestClock, ask};
use protocol::TopicName;
use pubsub_fanout::{FanOut, router};
use serde_json::{Value, json};

pub(crate) const V: &str = "/v1/projects/p-1/locations/us-central1/registries/reg/devices/dev";
pub(crate) const NUM_ID: u64 = 2_600_000_000_000_001;
/// Remembers what it took; refuses topics that are told.
#[derive(Default)]
pub(crate) struct Topics {
    pub(crate) taken: Mutex<Vec<(String, Message)>>,
    pub(crate) broken: Mutex<Option<String>>,
}

#[async_trait]
impl Publisher for Topics {
    async fn publish(&self, topic: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        let broken = self.broken.lock().unwrap().as_deref() == Some(topic.topic());
        let mut taken = self.taken.lock().unwrap();
        messages
            .into_iter()
            .map(|message| {
                if broken {
                    return Err(PortError::passing("publisher", "told to"));
                }
                taken.push((topic.topic().to_owned(), message));
                Ok(taken.len().to_string())
            })
            .collect()
    }
}

/// The bridge and all that it was given.
pub(crate) struct App {
    router: Router,
    pub(crate) stores: Stores,
    pub(crate) topics: Arc<Topics>,
    pub(crate) key: rcgen::KeyPair,
    pub(crate) clock: Arc<TestClock>,
}

fn registry(key: &DeviceKey) -> Registry {
    let route = |topic: &str, subfolder: &str, fan_out| Route {
        topic: format!("projects/p-1/topics/{topic}").parse().unwrap(),
        subfolder_matches: subfolder.into(),
        fan_out,
    };
    let mut registry = fixture::registry(&key.registry.to_string());
    registry.routes = vec![route("alarms", "alarms", false), route("audit", "alarms", true), route("events", "", false)];
    registry.state_topic = Some("projects/p-1/topics/states".parse().unwrap());
    registry
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::over(infra_local::memory_stores()).await
    }

    pub(crate) async fn over(stores: Stores) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let app_key = Self::device_key();
        let name = app_key.to_string();
        stores.registries.put(&app_key.registry.to_string(), &registry(&app_key), Expect::Absent).await.unwrap();
        fixture::keep(&stores, &fixture::device(app_key, NUM_ID, vec![fixture::credential(&key)])).await;
        let history = ConfigHistory::first(b"one".to_vec(), Timestamp::from_secs(NOON));
        stores.configs.put(&name, &history, Expect::Absent).await.unwrap();
        let (topics, clock) = (Arc::new(Topics::default()), Arc::new(TestClock::default()));
        let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
        let deps = FanOut { publisher: topics.clone(), stores: stores.clone(), statuses, clock: clock.clone() };
        Self { router: router(deps), stores, topics, key, clock }
    }

    pub(crate) fn device_key() -> DeviceKey {
        fixture::device_key("projects/p-1/locations/us-central1/registries/reg", "dev")
    }

    /// Changes the device's record.
    pub(crate) async fn device(&self, change: impl Fn(&mut Device)) {
        let name = Self::device_key().to_string();
        let mut device = self.stores.devices.get(&name).await.unwrap().unwrap().value;
        change(&mut device);
        self.stores.devices.put(&name, &device, Expect::Anything).await.unwrap();
    }

    /// Changes the registry's record.
    pub(crate) async fn registry(&self, change: impl Fn(&mut Registry)) {
        let name = Self::device_key().registry.to_string();
        let mut registry = self.stores.registries.get(&name).await.unwrap().unwrap().value;
        change(&mut registry);
        self.stores.registries.put(&name, &registry, Expect::Anything).await.unwrap();
    }

    pub(crate) async fn routes(&self) -> Vec<Route> {
        let name = Self::device_key().registry.to_string();
        self.stores.registries.get(&name).await.unwrap().unwrap().value.routes
    }

    pub(crate) async fn status(&self) -> DeviceStatus {
        self.stores.statuses.get(&Self::device_key().to_string()).await.unwrap().map(|s| s.value).unwrap_or_default()
    }

    /// A token with these claims, signed by the device's key.
    pub(crate) fn token(&self, claims: &Value) -> String {
        fixture::signed(&self.key, claims)
    }

    pub(crate) fn good_token(&self) -> String {
        self.token(&json!({"aud": "p-1", "iat": NOON, "exp": NOON + 1200}))
    }

    pub(crate) async fn send(&self, method: &str, uri: &str, token: Option<&str>, body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        ask(&self.router, request.body(Body::from(body)).unwrap()).await.json()
    }
    pub(crate) async fn post(&self, uri: &str, body: Value) -> Answer {
        self.send("POST", uri, Some(&self.good_token()), body.to_string()).await
    }
    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send("GET", uri, Some(&self.good_token()), String::new()).await
    }
    /// Topic, payload and attributes of what was published.
    pub(crate) fn published(&self) -> Vec<(String, String, BTreeMap<String, String>)> {
        let read = |(topic, m): &(String, Message)| {
            let attributes = m.attributes.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            (topic.clone(), String::from_utf8_lossy(&m.data).into_owned(), attributes)
        };
        self.topics.taken.lock().unwrap().iter().map(read).collect()
    }
}
