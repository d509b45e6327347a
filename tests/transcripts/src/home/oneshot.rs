//! The router in this process. Its token service alone needs a socket: the stand-in for Google's services is asked over one.

use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use e2e_tests::Scene;
use edge::{AdminAuth, AdminToken};
use host::connect::{self, Emulators, NatsFiles, Urls};
use host::local_stack::LocalIam;
use host::mount::{self, Shared};
use host::tokens::{self, Giver, SigningKeysAt, TokenConfig};
use host::{Impersonation, PubSubOrdering, serve};
use stage::ADMIN_TOKEN;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use super::{FUNCTIONS, Home};
use crate::devices::Devices;
use crate::message::{Reply, Request};
use crate::transcript::Says;

/// No reply of a transcript is longer.
const LONGEST_BODY: usize = 1 << 20;

/// See the module.
pub struct Oneshot {
    router: Router,
    issuer: String,
    devices: Devices,
    runtime: Runtime,
}

impl Oneshot {
    /// Mounts every function.
    ///
    /// # Errors
    /// When one cannot be.
    pub fn open(scene: &Scene) -> Result<Self> {
        let devices = Devices::new(&scene.dir)?;
        let runtime = Runtime::new()?;
        let (router, issuer) = runtime.block_on(mounted(scene, devices.url()))?;
        Ok(Self { router, issuer, devices, runtime })
    }
}

async fn mounted(scene: &Scene, bus: String) -> Result<(Router, String)> {
    let folder = |name: &str| scene.dir.join(name).display().to_string();
    let urls = Urls {
        records: "memory:".into(),
        publisher: Some(format!("log:{}", folder("topics"))),
        objects: Some(format!("folder:{}", folder("objects"))),
        commands: bus,
        nats: NatsFiles::default(),
        emulators: Emulators::default(),
        ordering: PubSubOrdering::Device,
    };
    let ports = connect::connect(&urls, Duration::from_secs(2)).await?;
    let (listener, http) = serve::listen("transcripts", ([127, 0, 0, 1], 0).into()).await?;
    let given = TokenConfig {
        issuer: None,
        giver: Giver::Local,
        impersonation: Impersonation::default(),
        signing_keys: SigningKeysAt::Data,
        local: LocalIam::default(),
    };
    let tokens = tokens::connect(&given, http, &scene.dir, &ports)?;
    let admin = Some(AdminAuth::Token(AdminToken::new(ADMIN_TOKEN)));
    let shared = Shared { admin, commands: ports.channel.commands(None), tokens: Some(tokens), bridge: None };
    let router = mount::mount(&FUNCTIONS.parse()?, &ports, &shared)?;
    tokio::spawn(serve::http(listener, router.clone(), std::future::pending()));
    Ok((router, format!("http://{http}")))
}

impl Home for Oneshot {
    fn name(&self) -> &'static str {
        "oneshot"
    }

    fn issuer(&self) -> String {
        self.issuer.clone()
    }

    fn prepare(&mut self, says: &Says, _bucket: &str) -> Result<()> {
        says.sessions.iter().try_for_each(|(name, does)| self.devices.connect(name, does))
    }

    fn ask(&mut self, request: &Request) -> Result<Reply> {
        let mut building = HttpRequest::builder().method(request.method.as_str()).uri(&request.target);
        for (name, value) in &request.headers {
            building = building.header(name, value);
        }
        let asked = building.body(Body::from(request.body.clone())).context("no request")?;
        self.runtime.block_on(async {
            let (parts, body) = self.router.clone().oneshot(asked).await.map(axum::response::Response::into_parts)?;
            let text = |value: &axum::http::HeaderValue| Ok::<_, anyhow::Error>(value.to_str()?.to_owned());
            let headers = parts.headers.iter().map(|(name, value)| Ok((name.to_string(), text(value)?)));
            let mut headers = headers.collect::<Result<Vec<_>>>()?;
            headers.sort();
            Ok(Reply { status: parts.status.as_u16(), headers, body: to_bytes(body, LONGEST_BODY).await?.into() })
        })
    }
}
