//! Functions, two nodes and a device: what a command goes through.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use domain::DeviceKey;
use domain::ports::{Clock, Command, CommandChannel, Delivery, Stores};
use domain::status::StatusBook;
use edge::{AdminAuth, AdminToken};
use infra_bridge::{Bridge, Limits};
use infra_local::{SystemClock, TopicLog, memory_stores};
use infra_nats::{Nats, Options};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use pubsub_fanout::FanOut;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;
use stage::{ADMIN_TOKEN, Administrator, DeviceId, Http};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::{device, timed};

pub(crate) const PROJECT: &str = "bench";

pub(crate) struct Rig {
    functions: Runtime,
    channel: Arc<dyn CommandChannel>,
    http: Http,
    path: String,
    key: DeviceKey,
    nobody: DeviceKey,
    device: DeviceId,
    token: String,
    node: SocketAddr,
    alone: SocketAddr,
    /// Serves until the end.
    _nodes: Runtime,
}

/// A runtime with a thread of its own, as a process has.
fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?)
}

/// A process's own connection to the bus, up.
async fn join(nats: &str, node: u64) -> Result<Nats> {
    let options = Options {
        servers: vec![nats.to_owned()],
        credentials: None,
        roots: None,
        certificate: None,
        command_timeout: Limits::default().command_timeout,
        node,
    };
    let nats = Nats::connect(options, Arc::new(SystemClock)).await?;
    while !nats.is_up() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(nats)
}

/// The registry and the relay, as one process serves them.
fn functions(stores: &Stores, commands: &Arc<dyn CommandChannel>) -> axum::Router {
    let (clock, random): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Arc::new(|| 600_000_000_000_000));
    let admin = AdminAuth::Token(AdminToken::new(ADMIN_TOKEN));
    let registry = device_registry::Deps {
        stores: stores.clone(),
        commands: commands.clone(),
        clock: clock.clone(),
        random: random.clone(),
        admin: admin.clone(),
    };
    let relay = command_relay::Deps { stores: stores.clone(), commands: commands.clone(), clock, random, admin };
    edge::google_paths(device_registry::routes(registry).merge(command_relay::routes(relay)))
}

async fn listen(bridge: Arc<Bridge>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    tokio::spawn(async move { bridge.serve_tcp(listener, std::future::pending()).await });
    Ok(at)
}

impl Rig {
    pub(crate) fn start(nats: &str, dir: &Path) -> Result<Self> {
        let (of_functions, nodes) = (runtime()?, runtime()?);
        let (stores, clock) = (memory_stores(), Arc::new(SystemClock));
        let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
        let publisher = Arc::new(TopicLog::open(&dir.join("topics"), clock.clone())?);
        let fan_out = FanOut { publisher, stores: stores.clone(), statuses, clock };
        let presence = Arc::new(nodes.block_on(join(nats, 2))?);
        let among_others = Bridge::among_others(fan_out.clone(), Limits::default(), Some(presence));
        let node = nodes.block_on(listen(among_others))?;
        let alone = nodes.block_on(listen(Bridge::new(fan_out, Limits::default())))?;

        let channel: Arc<dyn CommandChannel> = Arc::new(of_functions.block_on(join(nats, 1))?);
        let app = functions(&stores, &channel);
        let listener = of_functions.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let http = listener.local_addr()?;
        of_functions.spawn(async move { axum::serve(listener, app).await });

        let administrator = Administrator { http, project: PROJECT.into() };
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        administrator.create_registry("bench", "events")?;
        let device = administrator.create_device("bench", "device", &key.public_key_pem())?;
        let token = token(&key)?;
        device::acknowledge(device::connect(node, &device.name(), &token)?, &device.device)?;
        let of_device = |id: &str| -> Result<DeviceKey> {
            let registry = device.name().split("/devices/").next().unwrap_or_default().parse()?;
            Ok(DeviceKey { registry, id: id.parse()? })
        };
        let (path, client) = (format!("/v1/{}:sendCommandToDevice", device.name()), administrator.client());
        let (key, nobody) = (of_device("device")?, of_device("nobody")?);
        Ok(Self { functions: of_functions, channel, http: client, path, key, nobody, device, token, node, alone, _nodes: nodes })
    }

    pub(crate) fn command_over_http(&mut self) -> Result<Duration> {
        let body = json!({ "binaryData": "b24=" });
        let (took, reply) = timed(|| self.http.json("POST", &self.path, &body))?;
        reply.success("a command")?;
        Ok(took)
    }

    pub(crate) fn command_over_the_bus(&self) -> Result<Duration> {
        self.deliver(&self.key, Delivery::Acknowledged)
    }

    pub(crate) fn command_to_nobody(&self) -> Result<Duration> {
        self.deliver(&self.nobody, Delivery::NotConnected)
    }

    fn deliver(&self, to: &DeviceKey, expected: Delivery) -> Result<Duration> {
        let command = Command { id: None, subfolder: String::new(), data: "on".into() };
        let (took, delivery) = timed(|| Ok(self.functions.block_on(self.channel.deliver(to, command))?))?;
        ensure!(delivery == expected, "{delivery:?}");
        Ok(took)
    }

    /// A connection in place of the one before, which ends.
    pub(crate) fn connect(&self) -> Result<Duration> {
        let (took, stream) = timed(|| device::connect(self.node, &self.device.name(), &self.token))?;
        // So that the next turn finds who acknowledges.
        device::acknowledge(stream, &self.device.device)?;
        Ok(took)
    }

    pub(crate) fn connect_alone(&self) -> Result<Duration> {
        Ok(timed(|| device::connect(self.alone, &self.device.name(), &self.token))?.0)
    }
}

/// A token of the device with `key`, for an hour.
pub(crate) fn token(key: &KeyPair) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({ "aud": PROJECT, "iat": now, "exp": now + 3600 });
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &EncodingKey::from_ec_der(&key.serialize_der()))?)
}
