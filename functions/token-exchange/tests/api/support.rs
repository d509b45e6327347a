//! A registry with two devices, an issuer that remembers what it was shown, and short ways to ask.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::objects::Folder;
use domain::ports::{Clock, Expect, Stores, TokenIssuer};
use domain::status::{DeviceStatus, StatusBook};
use domain::token::{AccessToken, Issued, Scope, Secret, ServiceAccount};
use domain::{Device, PortError, Registry};
pub(crate) use fixture::{Answer, NOON, signed};
use fixture::{TestClock, ask};
use infra_local::FileSigningKeys;
use rcgen::KeyPair;
use serde_json::{Value, json};
use token_exchange::{Deps, Impersonation, TokenCache, router};

pub(crate) const REGISTRY: &str = "projects/p-1/locations/us-central1/registries/reg";
pub(crate) const DEV: &str = "projects/p-1/locations/us-central1/registries/reg/devices/dev";
pub(crate) const OTHER: &str = "projects/p-1/locations/us-central1/registries/reg/devices/other";
pub(crate) const NUM_ID: u64 = 2_600_000_000_000_001;
pub(crate) const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";
pub(crate) const AUDIENCE: &str = "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/d";

/// Gives `federated-N` and `account-N` for an hour, or what it is told; remembers subject tokens, scopes and accounts.
pub(crate) struct Issuer {
    clock: Arc<TestClock>,
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
    pub(crate) clock: Arc<TestClock>,
    pub(crate) cache: Arc<TokenCache>,
    pub(crate) key: KeyPair,
    pub(crate) other_key: KeyPair,
    _folder: tempfile::TempDir,
}

async fn stores(devices: [Device; 2]) -> Stores {
    let stores = infra_local::memory_stores();
    stores.registries.put(REGISTRY, &fixture::registry(REGISTRY), Expect::Absent).await.unwrap();
    for device in devices {
        fixture::keep(&stores, &device).await;
    }
    stores
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::allowing(&[]).await
    }

    pub(crate) async fn allowing(impersonation: &[&str]) -> Self {
        let (key, other_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let device = |id, number, key| fixture::device(fixture::device_key(REGISTRY, id), number, vec![fixture::credential(key)]);
        let stores = stores([device("dev", NUM_ID, &key), device("other", NUM_ID + 1, &other_key)]).await;
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::default());
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
        ask(&self.router, request.body(body.into()).unwrap()).await.json()
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

/// Header and claims of a JWT, unverified.
pub(crate) fn opened(jwt: &str) -> (Value, Value) {
    let mut parts = jwt.split('.').map(|p| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(p).unwrap()).unwrap_or_default());
    (parts.next().unwrap(), parts.next().unwrap())
}
