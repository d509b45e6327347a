//! The same command through processes of `drawbridge-function`, as an installation has them.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;
use stage::{ADMIN_TOKEN, Administrator, Http, NatsServer, Node};

use crate::rig::{PROJECT, token};
use crate::{device, timed};

/// How long a process may take to have the bus.
const PATIENCE: Duration = Duration::from_secs(20);

/// What all processes of one installation are told.
pub(crate) struct Site<'a> {
    pub(crate) program: &'a Path,
    pub(crate) dir: &'a Path,
    pub(crate) nats: &'a NatsServer,
    /// `HOST:PORT` of Firestore's emulator.
    pub(crate) firestore: &'a str,
}

impl Site<'_> {
    fn start(&self, name: &str, functions: &str, records: &str) -> Result<Node> {
        let topics = format!("log:{}", self.dir.join(format!("{name}-topics")).display());
        let variables = [
            ("DRAWBRIDGE_FUNCTIONS", functions),
            ("DRAWBRIDGE_RECORDS", records),
            ("DRAWBRIDGE_PUBLISHER", &topics),
            ("DRAWBRIDGE_COMMANDS", &self.nats.url()),
            ("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN),
            ("DRAWBRIDGE_MQTT", "127.0.0.1:0"),
            ("FIRESTORE_EMULATOR_HOST", self.firestore),
        ];
        let node = Node::start(self.program, self.dir, name, &variables)?;
        let begun = Instant::now();
        while node.ready()?.1["commands"] != "ok" {
            ensure!(begun.elapsed() < PATIENCE, "`{name}` has no command bus within {} s", PATIENCE.as_secs());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(node)
    }
}

/// Processes, and a device that is connected to the first node.
pub(crate) struct Processes {
    http: Http,
    by_id: String,
    by_number: String,
    nobody: String,
    _nodes: Vec<Node>,
}

impl Processes {
    /// Two bridge nodes and the functions, each a process, over Firestore.
    pub(crate) fn over_firestore(site: &Site<'_>) -> Result<Self> {
        let start = |name, functions| site.start(name, functions, &format!("firestore://{PROJECT}"));
        let nodes = vec![start("functions", "device-registry,command-relay")?, start("node-0", "bridge")?, start("node-1", "bridge")?];
        Self::of(nodes, "several")
    }

    /// One process for everything, because only one can have a sled; its commands go over NATS all the same.
    pub(crate) fn over_sled(site: &Site<'_>) -> Result<Self> {
        let records = format!("sled:{}", site.dir.join("records").display());
        Self::of(vec![site.start("everything", "device-registry,command-relay,bridge", &records)?], "one")
    }

    /// The first has the functions, the last is a bridge node. The registry is of this installation alone: all share one bus.
    fn of(nodes: Vec<Node>, registry: &str) -> Result<Self> {
        let (first, last) = nodes.first().zip(nodes.last()).context("no process")?;
        let administrator = Administrator { http: first.http, project: PROJECT.into() };
        administrator.create_registry(registry, "events")?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let device = administrator.create_device(registry, "device", &key.public_key_pem())?;
        let nobody = administrator.create_device(registry, "nobody", &key.public_key_pem())?;
        let stream = device::connect(last.mqtt()?, &device.name(), &token(&key)?)?;
        device::acknowledge(stream, &device.device)?;
        let mut http = administrator.client();
        let found = http.get(&format!("/v1/{}", device.name()))?.success("the device")?.json()?;
        let number = found["numId"].as_str().context("a device without a number")?.to_owned();
        let path = |name: String| format!("/v1/{name}:sendCommandToDevice");
        let by_number = device.name().replace("/devices/device", &format!("/devices/{number}"));
        let (by_id, by_number, nobody) = (path(device.name()), path(by_number), path(nobody.name()));
        Ok(Self { http, by_id, by_number, nobody, _nodes: nodes })
    }

    pub(crate) fn command(&mut self) -> Result<Duration> {
        ask(&mut self.http, &self.by_id, 200)
    }

    /// The function reads the number's record and the device's before it asks the bus.
    pub(crate) fn command_by_number(&mut self) -> Result<Duration> {
        ask(&mut self.http, &self.by_number, 200)
    }

    /// To a device that exists and is nowhere: the bus's answer, and then one record.
    pub(crate) fn command_to_nobody(&mut self) -> Result<Duration> {
        ask(&mut self.http, &self.nobody, 400)
    }
}

fn ask(http: &mut Http, path: &str, status: u16) -> Result<Duration> {
    let (took, reply) = timed(|| http.json("POST", path, &json!({ "binaryData": "b24=" })))?;
    ensure!(reply.status == status, "HTTP {}: {}", reply.status, reply.text());
    Ok(took)
}

/// A document of the emulator, read over its REST API without any library of ours: what a read costs at least.
pub(crate) struct BareGet {
    http: Http,
    path: String,
}

impl BareGet {
    pub(crate) fn start(firestore: SocketAddr) -> Result<Self> {
        let documents = format!("/v1/projects/{PROJECT}/databases/(default)/documents/bare");
        let mut http = Http::to(firestore).with_bearer("owner");
        // As long as a device's record.
        let document = json!({ "fields": { "json": { "stringValue": "x".repeat(600) } } });
        http.json("POST", &format!("{documents}?documentId=one"), &document)?.success("a document")?;
        Ok(Self { http, path: format!("{documents}/one") })
    }

    pub(crate) fn get(&mut self) -> Result<Duration> {
        let (took, reply) = timed(|| self.http.get(&self.path))?;
        reply.success("the document")?;
        Ok(took)
    }
}
