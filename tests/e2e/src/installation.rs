//! An installation of several processes: two bridge nodes and one with the functions, on Firestore, Pub/Sub and NATS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use stage::{ADMIN_TOKEN, Administrator, DeviceId, NatsServer, Node, Reply, Shim};

use crate::{PahoSession, PubSub, Scene, device_token, setting, wait_until};

const REGISTRY: &str = "greenhouse";
const PATIENCE: Duration = Duration::from_secs(20);

/// The processes, and one device that may connect to either node.
#[derive(Debug)]
pub struct Installation {
    /// The two bridge nodes.
    pub nodes: [Node; 2],
    /// The functions.
    pub functions: Node,
    /// The command bus.
    pub nats: NatsServer,
    /// Where the devices' events go.
    pub topic: PubSub,
    /// The device.
    pub device: DeviceId,
    token: String,
    dir: PathBuf,
}

impl Installation {
    /// Starts all of them, each on a project of its own in the emulators, and registers the device.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(scene: &Scene, project: &str) -> Result<Self> {
        // A project of its own, so that a second run on the same emulators begins with nothing.
        let project = format!("{project}-{}", std::process::id());
        let topic = PubSub::subscribe(&project)?;
        let nats = NatsServer::start(&NatsServer::program_from_env()?, &scene.dir)?;
        let program = PathBuf::from(setting("DRAWBRIDGE_TEST_FUNCTION")?);
        let start = |name: &str, functions: &str| start(&program, &scene.dir, name, functions, &project, &nats);
        let nodes = [start("node-0", "bridge")?, start("node-1", "bridge")?];
        let functions = start("functions", "device-registry,command-relay,pubsub-fanout")?;
        let administrator = Administrator { http: functions.http, project: project.clone() };
        administrator.create_registry(REGISTRY, &topic.topic)?;
        let dir = scene.folder("device")?;
        let key = Shim::keygen(&scene.binaries, &dir)?;
        let device = administrator.create_device(REGISTRY, "pi-1", &key)?;
        let token = device_token(&Shim::private_key_file(&dir), &project, Duration::from_secs(600))?;
        let this = Self { nodes, functions, nats, topic, device, token, dir: scene.dir.clone() };
        wait_until("the command bus", PATIENCE, || this.is_bus_up())?;
        Ok(this)
    }

    /// Connects the device to `mqtt`: a node, or a line to one.
    ///
    /// # Errors
    /// When it is not let in.
    pub fn connect(&self, mqtt: SocketAddr, once: bool) -> Result<PahoSession> {
        PahoSession::connect(mqtt, &self.device, &self.token, once, &self.dir.join("paho.log"))
    }

    /// Sends a command to the device, through the functions.
    ///
    /// # Errors
    /// When there is no answer; a refusal is an answer.
    pub fn command(&self, text: &str) -> Result<Reply> {
        self.post("sendCommandToDevice", text)
    }

    /// Changes the device's configuration.
    ///
    /// # Errors
    /// When it is refused.
    pub fn configure(&self, text: &str) -> Result<Value> {
        self.post("modifyCloudToDeviceConfig", text)?.success("the configuration")?.json()
    }

    fn post(&self, verb: &str, text: &str) -> Result<Reply> {
        use base64::Engine as _;
        let data = base64::engine::general_purpose::STANDARD.encode(text);
        let administrator = Administrator { http: self.functions.http, project: self.device.project.clone() };
        administrator.client().json("POST", &format!("/v1/{}:{verb}", self.device.name()), &json!({ "binaryData": data }))
    }

    /// Whether every living process has the bus, by its own word.
    ///
    /// # Errors
    /// When one does not answer.
    pub fn is_bus_up(&self) -> Result<bool> {
        for node in self.nodes.iter().chain([&self.functions]) {
            let (status, said) = node.ready()?;
            if status != 200 || said["commands"] != "ok" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until a command is answered with this status.
    ///
    /// # Errors
    /// When it is not within time.
    pub fn wait_for_answer(&self, status: u16) -> Result<Reply> {
        let mut last = None;
        let waited = wait_until("the answer", PATIENCE, || {
            let reply = self.command("again")?;
            let is_so = reply.status == status;
            last = Some(reply);
            Ok(is_so)
        });
        let last = last.context("no answer")?;
        waited.with_context(|| format!("the last answer was {}: {}", last.status, last.text()))?;
        Ok(last)
    }
}

fn start(program: &Path, dir: &Path, name: &str, functions: &str, project: &str, nats: &NatsServer) -> Result<Node> {
    let variables = [
        ("DRAWBRIDGE_FUNCTIONS", functions),
        ("DRAWBRIDGE_RECORDS", &format!("firestore://{project}")),
        ("DRAWBRIDGE_PUBLISHER", &format!("pubsub://{project}")),
        ("DRAWBRIDGE_COMMANDS", &nats.url()),
        ("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN),
        ("DRAWBRIDGE_MQTT", "127.0.0.1:0"),
        ("FIRESTORE_EMULATOR_HOST", &setting("FIRESTORE_EMULATOR_HOST")?),
        ("PUBSUB_EMULATOR_HOST", &setting("PUBSUB_EMULATOR_HOST")?),
    ];
    Node::start(program, dir, name, &variables)
}
