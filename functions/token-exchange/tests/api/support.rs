//! A registry with two devices, an issuer that remembers what it was shown, and short ways to ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::credential::{DeviceCredential, PublicKey, PublicKeyFormat};
use domain::device::{Device, DeviceKey, GatewaySettings};
use domain::objects::Folder;
use domain::ports::{Clock, Expect, Stores, TokenIssuer};
use domain::registry::LogLevel;
use domain::status::{DeviceStatus, StatusBook};
use domain::token::{AccessToken, Issued, Scope, Secret, ServiceAccount};
use domain::{PortError, Registry, Timestamp};
use infra_local::FileSigningKeys;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};
use token_exchange::{Deps, Impersonation, TokenCache, router};
use tower::ServiceExt as _;

pub(crate) const REGISTRY: &str = "projects/p-1/locations/us-central1/registries/reg";
pub(crate) const DEV: &str = "projects/p-1/locations/us-central1/registries/reg/devices/dev";
pub(crate) const OTHER: &str = "projects/p-1/locations/us-central1/registries/reg/devices/other";
pub(crate) const NUM_ID: u64 = 2_600_000_000_000_001;
/// 2026-11-20T12:00:00Z.
pub(crate) const NOON: i64 = 1_795_176_000;
pub(crate) const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";
pub(crate) const AUDIENCE: &str = "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/d";

pub(crate) struct Hand(pub(crate) AtomicI64);
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// Gives `federated-N` and `account-N` for an hour, or what it is told; remembers subject tokens, scopes and accounts.
pub(crate) struct Issuer {
    clock: Arc<Hand>,
    pub(crate) shown: Mutex<Vec<(String, String)>>,
    pub(crate) accounts: Mutex<Vec<(String, String, String)>>,
    pub(crate) bounds: Mutex<Vec<(String, Vec<Folder>)>>,
    pub(crate) instead: Mutex<Option<Result<Issued, PortError>>>,
}

impl Issuer {
    fn answer(&self, name: String) -> Result<Issued, PortError> {
        let token = AccessToken { secret: Secret::new(name), expires_at: self.clock.now() + Duration::from_secs(3600) };
        self.instead.lock().unwrap().clone().unwrap_or(Ok(Issued::Token(token)))
    }
}

#[async_trait]
impl TokenIssuer for Issuer {
    fn audience(&self) -> &str {
        AUDIENCE
    }
    async fn exchange(&self, subject: &Secret, scope: &Scope) -> Result<Issued, PortError> {
        let mut shown = self.shown.lock().unwrap();
        shown.push((subject.reveal().to_owned(), scope.as_str().to_owned()));
        self.answer(format!("federated-{}", shown.len()))
    }
    async fn impersonate(&self, federated: &AccessToken, account: &ServiceAccount, scope: &Scope) -> Result<Issued, PortError> {
        let mut accounts = self.accounts.lock().unwrap();
        accounts.push((federated.secret.reveal().to_owned(), account.to_string(), scope.as_str().to_owned()));
        self.answer(format!("account-{}", accounts.len()))
    }
    async fn downscope(&self, token: &AccessToken, folders: &[Folder]) -> Result<Issued, PortError> {
        let mut bounds = self.bounds.lock().unwrap();
        bounds.push((token.secret.reveal().to_owned(), folders.to_vec()));
        self.answer(format!("bounded-{}", bounds.len()))
    }
}

pub(crate) struct App {
    router: Router,
    pub(crate) stores: Stores,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) clock: Arc<Hand>,
    pub(crate) cache: Arc<TokenCache>,
    pub(crate) key: KeyPair,
    pub(crate) other_key: KeyPair,
    _folder: tempfile::TempDir,
}

/// Status, headers and body of an answer.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) u16, pub(crate) HeaderMap, pub(crate) Value);

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.1.get(name).map_or("", |v| v.to_str().unwrap())
    }
    /// The body of a 200.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.0, 200, "{}", self.2);
        self.2
    }
    /// Google's shape.
    #[track_caller]
    pub(crate) fn refused(&self, http: u16, status: &str, says: &str) -> String {
        let error = &self.2["error"];
        assert_eq!((self.0, error["code"].as_u64(), error["status"].as_str()), (http, Some(http.into()), Some(status)), "{}", self.2);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says), "`{says}` is not in {message}");
        message.to_owned()
    }
    /// The shape of RFC 6749, section 5.2.
    #[track_caller]
    pub(crate) fn oauth(&self, http: u16, error: &str, says: &str) {
        assert_eq!((self.0, self.2["error"].as_str()), (http, Some(error)), "{}", self.2);
        let text = self.2["error_description"].as_str().unwrap();
        assert!(text.contains(says), "`{says}` is not in {text}");
        assert!(text.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{text}");
        assert_eq!((self.header("cache-control"), self.header("content-type")), ("no-store", "application/json"));
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

async fn stores(devices: [Device; 2]) -> Stores {
    let stores = infra_local::memory_stores();
    let registry = Registry {
        name: REGISTRY.parse().unwrap(),
        routes: Vec::new(),
        state_topic: None,
        mqtt_enabled: true,
        http_enabled: true,
        log_level: LogLevel::None,
        ca_certificates: Vec::new(),
        object_rules: Vec::new(),
        service_accounts: Vec::new(),
    };
    stores.registries.put(REGISTRY, &registry, Expect::Absent).await.unwrap();
    for device in devices {
        stores.device_numbers.put(&device.num_id.to_string(), &device.key, Expect::Absent).await.unwrap();
        stores.devices.put(&device.key.to_string(), &device, Expect::Absent).await.unwrap();
    }
    stores
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::allowing(&[]).await
    }

    pub(crate) async fn allowing(impersonation: &[&str]) -> Self {
        let (key, other_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let stores = stores([device("dev", NUM_ID, key.public_key_pem()), device("other", NUM_ID + 1, other_key.public_key_pem())]).await;
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(NOON)));
        let (shown, accounts, bounds, instead) = Default::default();
        let issuer = Arc::new(Issuer { clock: clock.clone(), shown, accounts, bounds, instead });
        let cache = Arc::new(TokenCache::default());
        let router = router(Deps {
            stores: stores.clone(),
            statuses: Arc::new(StatusBook::new(stores.clone(), clock.clone())),
            clock: clock.clone(),
            random: Arc::new(|| u64::MAX / 2),
            issuer: issuer.clone(),
            keys: Arc::new(FileSigningKeys::open(&folder.path().join("keys.json"), clock.clone()).unwrap()),
            issuer_url: "https://tokens.example.com".parse().unwrap(),
            impersonation: Arc::new(Impersonation::read(impersonation.iter().copied()).unwrap()),
            cache: cache.clone(),
        });
        Self { router, stores, issuer, clock, cache, key, other_key, _folder: folder }
    }

    /// Changes the record of the registry.
    pub(crate) async fn registry(&self, change: impl Fn(&mut Registry)) {
        let mut registry = self.stores.registries.get(REGISTRY).await.unwrap().unwrap().value;
        change(&mut registry);
        self.stores.registries.put(REGISTRY, &registry, Expect::Anything).await.unwrap();
    }

    /// Changes the record of `dev`.
    pub(crate) async fn device(&self, change: impl Fn(&mut Device)) {
        let mut device = self.stores.devices.get(DEV).await.unwrap().unwrap().value;
        change(&mut device);
        self.stores.devices.put(DEV, &device, Expect::Anything).await.unwrap();
    }

    pub(crate) async fn status(&self) -> DeviceStatus {
        self.stores.statuses.get(DEV).await.unwrap().map(|s| s.value).unwrap_or_default()
    }

    /// A token signed by the key of `dev`.
    pub(crate) fn jwt(&self, iat: i64, exp: i64) -> String {
        signed(&self.key, &json!({"aud": "p-1", "iat": NOON + iat, "exp": NOON + exp}))
    }

    pub(crate) fn good(&self) -> String {
        self.jwt(0, 3600)
    }

    pub(crate) async fn send(&self, method: &str, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let request = headers.iter().fold(Request::builder().method(method).uri(uri), |r, (name, value)| r.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer(parts.status.as_u16(), parts.headers, serde_json::from_slice(&bytes).expect("every answer is JSON"))
    }

    /// `generateAccessToken` for `device` with `jwt` and a JSON body.
    pub(crate) async fn generate(&self, device: &str, jwt: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {jwt}");
        self.send("POST", &format!("/v1beta1/{device}:generateAccessToken"), &[("authorization", &bearer)], body.to_string()).await
    }

    /// A warm token of `dev` for Pub/Sub, or the refusal.
    pub(crate) async fn ask(&self) -> Answer {
        self.generate(DEV, &self.good(), json!({"scope": PUBSUB})).await
    }

    /// `/token` with these parameters.
    pub(crate) async fn token(&self, params: &[(&str, &str)]) -> Answer {
        let form = params.iter().map(|(k, v)| format!("{k}={}", percent(v))).collect::<Vec<_>>().join("&");
        self.send("POST", "/token", &[("content-type", "application/x-www-form-urlencoded")], form).await
    }
}

pub(crate) fn percent(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

pub(crate) fn signed(key: &KeyPair, claims: &Value) -> String {
    let key = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::ES256), claims, &key).unwrap()
}

/// Header and claims of a JWT, unverified.
pub(crate) fn opened(jwt: &str) -> (Value, Value) {
    let mut parts = jwt.split('.').map(|p| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(p).unwrap()).unwrap_or_default());
    (parts.next().unwrap(), parts.next().unwrap())
}
