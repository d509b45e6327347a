//! A registry with two devices and rules, and short ways to ask as one of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use domain::credential::{DeviceCredential, PublicKey, PublicKeyFormat};
use domain::device::{Device, DeviceKey, GatewaySettings};
use domain::objects::{Access, Download, ObjectInfo, ObjectName, ObjectRule, Upload, Uploaded};
use domain::ports::{Clock, Expect, ObjectStore, Stores};
use domain::registry::LogLevel;
use domain::status::{DeviceStatus, StatusBook};
use domain::{PortError, Registry, Timestamp};
use infra_local::FolderObjects;
use serde_json::{Value, json};
use storage_download::{Deps, router};
use tower::ServiceExt as _;

pub(crate) const REGISTRY: &str = "projects/p-1/locations/us-central1/registries/reg";
/// 2026-11-20T12:00:00Z.
pub(crate) const NOON: i64 = 1_795_176_000;
pub(crate) const MAX_UPLOAD_BYTES: u64 = 1_000_000;

struct Noon;
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOON)
    }
}

/// The folder, with signatures.
struct Signing(FolderObjects);
#[async_trait]
impl ObjectStore for Signing {
    async fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>, PortError> {
        self.0.stat(name).await
    }
    async fn open(&self, name: &ObjectName, generation: u64, range: Range<u64>) -> Result<Option<Download>, PortError> {
        self.0.open(name, generation, range).await
    }
    async fn sign(&self, name: &ObjectName, generation: u64, valid_for: Duration) -> Result<Option<String>, PortError> {
        let (bucket, object) = (name.bucket(), name.object());
        Ok(Some(format!("https://storage.example.com/{bucket}/{object}?generation={generation}&X-Goog-Expires={}", valid_for.as_secs())))
    }
    async fn write(&self, name: &ObjectName, content: Upload, crc32c: Option<u32>) -> Result<Uploaded, PortError> {
        self.0.write(name, content, crc32c).await
    }
}

pub(crate) struct App {
    router: Router,
    pub(crate) stores: Stores,
    pub(crate) folder: tempfile::TempDir,
    keys: BTreeMap<&'static str, rcgen::KeyPair>,
}

/// Status, headers and body of an answer.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) u16, pub(crate) HeaderMap, pub(crate) Vec<u8>);

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.1.get(name).map_or("", |value| value.to_str().unwrap())
    }
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.2).unwrap()
    }
    /// Checks status, canonical code and that the message contains `says`.
    #[track_caller]
    pub(crate) fn refused(&self, http: u16, status: &str, says: &str) -> String {
        assert_eq!(self.0, http, "{}", String::from_utf8_lossy(&self.2));
        let error = &self.json()["error"];
        assert_eq!((error["code"].as_u64(), error["status"].as_str()), (Some(http.into()), Some(status)), "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says), "`{says}` is not in {message}");
        message.to_owned()
    }
}

fn rule(path: &str, access: Access) -> ObjectRule {
    ObjectRule { path: path.into(), access }
}

fn registry() -> Registry {
    Registry {
        name: REGISTRY.parse().unwrap(),
        routes: Vec::new(),
        state_topic: None,
        mqtt_enabled: false,
        http_enabled: false,
        log_level: LogLevel::None,
        ca_certificates: Vec::new(),
        service_accounts: Vec::new(),
        object_rules: vec![
            rule("gs://files/firmware/", Access::Read),
            rule("gs://files/{registryId}/{deviceId}/", Access::ReadWrite),
            rule("gs://drop/{deviceNumId}/", Access::Write),
        ],
    }
}

fn device(id: &str, num_id: u64, pem: String) -> Device {
    Device {
        key: DeviceKey { registry: REGISTRY.parse().unwrap(), id: id.parse().unwrap() },
        num_id,
        credentials: vec![DeviceCredential { key: PublicKey { format: PublicKeyFormat::Es256Pem, pem }, expires_at: None }],
        blocked: false,
        metadata: BTreeMap::new(),
        log_level: LogLevel::Unspecified,
        gateway: GatewaySettings::default(),
        service_accounts: Vec::new(),
    }
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::with(|folder| Arc::new(folder)).await
    }
    pub(crate) async fn signing() -> Self {
        Self::with(|folder| Arc::new(Signing(folder))).await
    }

    async fn with(store: impl Fn(FolderObjects) -> Arc<dyn ObjectStore>) -> Self {
        let (stores, folder, clock) = (infra_local::memory_stores(), tempfile::tempdir().unwrap(), Arc::new(Noon));
        stores.registries.put(REGISTRY, &registry(), Expect::Absent).await.unwrap();
        let mut keys = BTreeMap::new();
        for (number, id) in [(1, "dev-a"), (2, "dev-b")] {
            let key = rcgen::KeyPair::generate().unwrap();
            let device = device(id, number, key.public_key_pem());
            stores.devices.put(&device.key.to_string(), &device, Expect::Absent).await.unwrap();
            stores.device_numbers.put(&number.to_string(), &device.key, Expect::Absent).await.unwrap();
            keys.insert(id, key);
        }
        let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
        let objects = store(FolderObjects::open(folder.path()).unwrap());
        let deps = Deps { objects, stores: stores.clone(), statuses, clock, max_upload_bytes: MAX_UPLOAD_BYTES };
        Self { router: router(deps), stores, folder, keys }
    }

    /// Puts a file into the folder, as an administrator does.
    pub(crate) fn put_by_hand(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join(path)).ok()
    }

    pub(crate) fn token(&self, device: &str) -> String {
        let key = jsonwebtoken::EncodingKey::from_ec_pem(self.keys[device].serialize_pem().as_bytes()).unwrap();
        let claims = json!({"aud": "p-1", "iat": NOON, "exp": NOON + 1200});
        jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::ES256), &claims, &key).unwrap()
    }

    pub(crate) async fn ask(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> Answer {
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer(parts.status.as_u16(), parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    /// A request of `device` about `path`, which is bucket and object as they stand in the URL.
    pub(crate) fn request(&self, method: &str, device: &str, path: &str) -> axum::http::request::Builder {
        let uri = format!("/v1/{REGISTRY}/devices/{device}/objects/{path}");
        Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {}", self.token(device)))
    }

    pub(crate) async fn get(&self, device: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = headers.iter().fold(self.request("GET", device, path), |r, (name, value)| r.header(*name, *value));
        self.ask(request, Body::empty()).await
    }

    pub(crate) async fn put(&self, device: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let request = headers.iter().fold(self.request("PUT", device, path), |r, (name, value)| r.header(*name, *value));
        self.ask(request, body).await
    }

    pub(crate) async fn status(&self, device: &str) -> DeviceStatus {
        let key = format!("{REGISTRY}/devices/{device}");
        self.stores.statuses.get(&key).await.unwrap().map(|s| s.value).unwrap_or_default()
    }
}
