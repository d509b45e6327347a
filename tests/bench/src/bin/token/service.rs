//! The token service with records in memory and an issuer that answers at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::device::{Device, DeviceKey, GatewaySettings};
use domain::identity::{Protocol, authenticate};
use domain::objects::Folder;
use domain::ports::{Clock, Expect, Stores, TokenIssuer};
use domain::registry::LogLevel;
use domain::status::StatusBook;
use domain::token::{AccessToken, Issued, Scope, Secret, ServiceAccount};
use domain::{DeviceCredential, PortError, Registry};
use infra_local::{FileSigningKeys, SystemClock};
use token_exchange::{Deps, Impersonation, TokenCache};
use tower::ServiceExt as _;

use crate::fleet::{Fleet, Member, PROJECT};
use crate::watch::Watch;

/// What the token of each request is for.
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

/// Gives a token of Google's usual length at once.
struct AtOnce;

#[async_trait]
impl TokenIssuer for AtOnce {
    fn audience(&self) -> &str {
        "bench"
    }
    async fn exchange(&self, _: &Secret, _: &Scope) -> Result<Issued, PortError> {
        let expires_at = SystemClock.now() + Duration::from_secs(3600);
        Ok(Issued::Token(AccessToken { secret: Secret::new("x".repeat(1024)), expires_at }))
    }
    async fn impersonate(&self, _: &AccessToken, _: &ServiceAccount, _: &Scope) -> Result<Issued, PortError> {
        Err(PortError::lasting("token issuer", "nobody asks for this here"))
    }
    async fn downscope(&self, _: &AccessToken, _: &[Folder]) -> Result<Issued, PortError> {
        Err(PortError::lasting("token issuer", "nobody asks for this here"))
    }
}

pub(crate) struct Service {
    router: Router,
    stores: Stores,
    /// Makes every scope of a cold request another one.
    asked: AtomicU64,
    _keys: tempfile::TempDir,
}

fn registry() -> String {
    format!("projects/{PROJECT}/locations/l/registries/fleet")
}

fn device(place: usize) -> String {
    format!("{}/devices/device-{place}", registry())
}

async fn stores(fleet: &Fleet) -> Result<Stores> {
    let stores = infra_local::memory_stores();
    let settings = serde_json::json!({
        "name": registry().parse::<protocol::RegistryName>()?, "routes": [], "state_topic": null, "mqtt_enabled": true,
        "http_enabled": true, "log_level": LogLevel::None, "ca_certificates": [],
    });
    let record: Registry = serde_json::from_value(settings)?;
    stores.registries.put(&registry(), &record, Expect::Absent).await?;
    for (place, member) in fleet.members.iter().enumerate() {
        let device: Device = serde_json::from_value(serde_json::json!({
            "key": DeviceKey { registry: registry().parse()?, id: format!("device-{place}").parse()? },
            "num_id": 2_600_000_000_000_000 + place,
            "credentials": [DeviceCredential { key: member.public.clone(), expires_at: None }],
            "blocked": false, "metadata": BTreeMap::<String, String>::new(),
            "log_level": LogLevel::Unspecified, "gateway": GatewaySettings::default(),
        }))?;
        stores.devices.put(&device.key.to_string(), &device, Expect::Absent).await?;
    }
    Ok(stores)
}

impl Service {
    pub(crate) async fn new(fleet: &Fleet) -> Result<Self> {
        let stores = stores(fleet).await?;
        let folder = tempfile::tempdir()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let router = token_exchange::router(Deps {
            stores: stores.clone(),
            statuses: Arc::new(StatusBook::new(stores.clone(), clock.clone())),
            clock: clock.clone(),
            random: Arc::new(|| u64::MAX / 2),
            issuer: Arc::new(AtOnce),
            keys: Arc::new(FileSigningKeys::open(&folder.path().join("keys.json"), clock)?),
            issuer_url: "https://tokens.example.com".parse()?,
            impersonation: Arc::new(Impersonation::default()),
            cache: Arc::new(TokenCache::default()),
        });
        Ok(Self { router, stores, asked: AtomicU64::new(0), _keys: folder })
    }

    /// One request of each device for a token that is cached after the first; how long the service took.
    pub(crate) async fn warm(&self, fleet: &Fleet) -> Result<Duration> {
        self.each(fleet, |_| format!("{{\"scope\":\"{SCOPE}\"}}")).await
    }

    /// One request of each device for a token that nobody asked for before; how long the service took.
    pub(crate) async fn cold(&self, fleet: &Fleet) -> Result<Duration> {
        self.each(fleet, |n| format!("{{\"scope\":\"{SCOPE}.{n}\"}}")).await
    }

    /// The requests are made before and the answers looked at after the clock runs: both are a caller's work.
    async fn each(&self, fleet: &Fleet, body: impl Fn(u64) -> String) -> Result<Duration> {
        let request = |(place, member): (usize, &Member)| {
            let body = body(self.asked.fetch_add(1, Ordering::Relaxed));
            Request::post(format!("/v1beta1/{}:generateAccessToken", device(place)))
                .header("authorization", format!("Bearer {}", member.token))
                .header("content-type", "application/json")
                .body(Body::from(body))
        };
        let requests = fleet.members.iter().enumerate().map(request).collect::<Result<Vec<_>, _>>()?;
        let mut answers = Vec::with_capacity(requests.len());
        let watch = Watch::start()?;
        for request in requests {
            answers.push(self.router.clone().oneshot(request).await?);
        }
        let took = watch.stop()?;
        for answer in answers {
            let status = answer.status();
            let read = to_bytes(answer.into_body(), 64 * 1024).await?;
            ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&read));
        }
        Ok(took)
    }

    /// Each device proves itself once, and gets nothing; how long that took.
    pub(crate) async fn proof(&self, fleet: &Fleet) -> Result<Duration> {
        let watch = Watch::start()?;
        for (place, member) in fleet.members.iter().enumerate() {
            let name = device(place).parse()?;
            let proved = authenticate(&self.stores, &name, &member.token, Protocol::Tokens, SystemClock.now()).await;
            proved.map_err(|e| anyhow::anyhow!("{e}")).context("a device was not let in")?;
        }
        watch.stop()
    }
}
