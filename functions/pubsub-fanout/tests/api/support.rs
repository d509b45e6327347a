//! A registry with one device, and short ways to speak as it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use domain::config::ConfigHistory;
use domain::credential::{DeviceCredential, PublicKey, PublicKeyFormat};
use domain::device::{Device, DeviceKey, GatewaySettings};
use domain::ports::{Clock, Expect, Publisher, Stores};
use domain::registry::LogLevel;
use domain::status::{DeviceStatus, StatusBook};
use domain::{Message, PortError, Registry, Route, Timestamp};
use protocol::TopicName;
use pubsub_fanout::{FanOut, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const V: &str = "/v1/projects/p-1/locations/us-central1/registries/reg/devices/dev";
pub(crate) const NUM_ID: u64 = 2_600_000_000_000_001;
/// 2026-11-20T12:00:00Z.
pub(crate) const NOON: i64 = 1_795_176_000;

struct Noon;
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOON)
    }
}

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
}

/// Status, headers and body of an answer.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) u16, pub(crate) HeaderMap, pub(crate) Value);

impl Answer {
    /// The body of a 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.0, 200, "{}", self.2);
        self.2
    }
    /// Checks status, canonical code and that the message contains `says`; answers the message.
    #[track_caller]
    pub(crate) fn refused(self, http: u16, status: &str, says: &str) -> String {
        let error = &self.2["error"];
        assert_eq!((self.0, error["code"].as_u64(), error["status"].as_str()), (http, Some(http.into()), Some(status)), "{}", self.2);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says), "`{says}` is not in {message}");
        message.to_owned()
    }
}

fn device(key: &DeviceKey, pem: String) -> Device {
    let key_of = |format| DeviceCredential { key: PublicKey { format, pem }, expires_at: None };
    Device {
        key: key.clone(),
        num_id: NUM_ID,
        credentials: vec![key_of(PublicKeyFormat::Es256Pem)],
        blocked: false,
        metadata: BTreeMap::new(),
        log_level: LogLevel::Unspecified,
        gateway: GatewaySettings::default(),
        service_accounts: Vec::new(),
    }
}

fn registry(key: &DeviceKey) -> Registry {
    let route = |topic: &str, subfolder: &str, fan_out| Route {
        topic: format!("projects/p-1/topics/{topic}").parse().unwrap(),
        subfolder_matches: subfolder.into(),
        fan_out,
    };
    Registry {
        name: key.registry.clone(),
        routes: vec![route("alarms", "alarms", false), route("audit", "alarms", true), route("events", "", false)],
        state_topic: Some("projects/p-1/topics/states".parse().unwrap()),
        mqtt_enabled: true,
        http_enabled: true,
        log_level: LogLevel::None,
        ca_certificates: Vec::new(),
        object_rules: Vec::new(),
        service_accounts: Vec::new(),
    }
}

impl App {
    pub(crate) async fn new() -> Self {
        let stores = infra_local::memory_stores();
        let key = rcgen::KeyPair::generate().unwrap();
        let app_key = Self::device_key();
        let name = app_key.to_string();
        stores.registries.put(&app_key.registry.to_string(), &registry(&app_key), Expect::Absent).await.unwrap();
        stores.devices.put(&name, &device(&app_key, key.public_key_pem()), Expect::Absent).await.unwrap();
        stores.device_numbers.put(&NUM_ID.to_string(), &app_key, Expect::Absent).await.unwrap();
        let history = ConfigHistory::first(b"one".to_vec(), Timestamp::from_secs(NOON));
        stores.configs.put(&name, &history, Expect::Absent).await.unwrap();
        let (topics, clock) = (Arc::new(Topics::default()), Arc::new(Noon));
        let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
        let deps = FanOut { publisher: topics.clone(), stores: stores.clone(), statuses, clock };
        Self { router: router(deps), stores, topics, key }
    }

    pub(crate) fn device_key() -> DeviceKey {
        DeviceKey { registry: "projects/p-1/locations/us-central1/registries/reg".parse().unwrap(), id: "dev".parse().unwrap() }
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

    pub(crate) async fn status(&self) -> DeviceStatus {
        self.stores.statuses.get(&Self::device_key().to_string()).await.unwrap().map(|s| s.value).unwrap_or_default()
    }

    /// A token with these claims, signed by the device's key.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let key = jsonwebtoken::EncodingKey::from_ec_pem(self.key.serialize_pem().as_bytes()).unwrap();
        jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256), claims, &key).unwrap()
    }

    pub(crate) fn good_token(&self) -> String {
        self.token(&json!({"aud": "p-1", "iat": NOON, "exp": NOON + 1200}))
    }

    pub(crate) async fn send(&self, method: &str, uri: &str, token: Option<&str>, body: String) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer(parts.status.as_u16(), parts.headers, serde_json::from_slice(&bytes).expect("every answer is JSON"))
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
