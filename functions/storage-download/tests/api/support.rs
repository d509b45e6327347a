//! A registry with two devices and rules, and short ways to ask as one of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use domain::objects::{Access, Download, ObjectInfo, ObjectName, ObjectRule, Upload, Uploaded};
use domain::ports::{Expect, ObjectStore, Stores};
use domain::status::{DeviceStatus, StatusBook};
use domain::{PortError, Registry};
pub(crate) use fixture::NOON;
use fixture::TestClock;
use infra_local::FolderObjects;
use serde_json::json;
use storage_download::{Deps, router};

/// Files are bytes.
pub(crate) type Answer = fixture::Answer<Vec<u8>>;

pub(crate) const REGISTRY: &str = "projects/p-1/locations/us-central1/registries/reg";
pub(crate) const MAX_UPLOAD_BYTES: u64 = 1_000_000;

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

fn rule(path: &str, access: Access) -> ObjectRule {
    ObjectRule { path: path.into(), access }
}

fn registry() -> Registry {
    let mut registry = fixture::registry(REGISTRY);
    // Files have no switch.
    (registry.mqtt_enabled, registry.http_enabled) = (false, false);
    registry.object_rules = vec![
        rule("gs://files/firmware/", Access::Read),
        rule("gs://files/{registryId}/{deviceId}/", Access::ReadWrite),
        rule("gs://drop/{deviceNumId}/", Access::Write),
    ];
    registry
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::with(|folder| Arc::new(folder)).await
    }
    pub(crate) async fn signing() -> Self {
        Self::with(|folder| Arc::new(Signing(folder))).await
    }

    async fn with(store: impl Fn(FolderObjects) -> Arc<dyn ObjectStore>) -> Self {
        let (stores, folder, clock) = (infra_local::memory_stores(), tempfile::tempdir().unwrap(), Arc::new(TestClock::default()));
        stores.registries.put(REGISTRY, &registry(), Expect::Absent).await.unwrap();
        let mut keys = BTreeMap::new();
        for (number, id) in [(1, "dev-a"), (2, "dev-b")] {
            let key = rcgen::KeyPair::generate().unwrap();
            let credentials = vec![fixture::credential(&key)];
            fixture::keep(&stores, &fixture::device(fixture::device_key(REGISTRY, id), number, credentials)).await;
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
        fixture::signed(&self.keys[device], &json!({"aud": "p-1", "iat": NOON, "exp": NOON + 1200}))
    }

    pub(crate) async fn ask(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> Answer {
        fixture::ask(&self.router, request.body(body.into()).unwrap()).await
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
