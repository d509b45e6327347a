//! Devices that are connected somewhere else: sessions on a bus of their own, as a bridge node keeps them there. Every home
//! reaches them over a real nats-server, so the functions' own way to a device is part of what is played.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use domain::ports::{Clock, Command, Delivery, LiveSession, Presence as _};
use domain::{DeviceKey, PortError, Timestamp};
use infra_nats::{Nats, Options};
use stage::NatsServer;
use tokio::runtime::Runtime;

/// As long as the bus may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bus, and the devices on it. They leave with this value.
pub struct Devices {
    sessions: Vec<Box<dyn Send + Sync>>,
    node: Nats,
    runtime: Runtime,
    server: NatsServer,
}

struct SystemClock;
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        std::time::SystemTime::now().into()
    }
}

/// Answers every command alike.
struct Session(Delivery);

#[async_trait]
impl LiveSession for Session {
    async fn deliver(&self, _command: Command) -> Result<Delivery, PortError> {
        Ok(self.0)
    }

    fn hint(&self) {}

    fn take_over(&self) {}
}

impl Devices {
    /// A server of its own, with its log in `dir`, and nobody on it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn new(dir: &Path) -> Result<Self> {
        let server = NatsServer::start(&NatsServer::program_from_env()?, dir)?;
        let runtime = Runtime::new()?;
        let node = runtime.block_on(connected(server.url()))?;
        Ok(Self { sessions: Vec::new(), node, runtime, server })
    }

    /// The bus, as `DRAWBRIDGE_COMMANDS` names it.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Connects the device of this name.
    ///
    /// # Errors
    /// When the name is none, or what it does with a command.
    pub fn connect(&mut self, name: &str, does: &str) -> Result<()> {
        let answer = match does {
            "acknowledges" => Delivery::Acknowledged,
            "has not subscribed" => Delivery::NotSubscribed,
            "refuses" => Delivery::Refused,
            "is busy" => Delivery::Busy,
            "is silent" => Delivery::TimedOut,
            "is lost" => Delivery::Lost,
            _ => bail!("`{does}` is nothing that a device does: acknowledges, has not subscribed, refuses, is busy, is silent, is lost"),
        };
        let (registry, id) = name.split_once("/devices/").with_context(|| format!("`{name}` is no device"))?;
        let key = DeviceKey { registry: registry.parse()?, id: id.parse()? };
        self.sessions.push(self.runtime.block_on(self.node.enter(&key, Arc::new(Session(answer)))));
        Ok(())
    }
}

async fn connected(url: String) -> Result<Nats> {
    let options =
        Options { servers: vec![url], credentials: None, roots: None, certificate: None, command_timeout: Duration::from_secs(2), node: 1 };
    let node = Nats::connect(options, Arc::new(SystemClock)).await?;
    let up = async {
        while !node.is_up() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, up).await.context("the bus is not there")?;
    Ok(node)
}
