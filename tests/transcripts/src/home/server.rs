//! `drawbridge-function` as a process on a loopback port, over a raw socket.

use std::path::Path;

use anyhow::Result;
use e2e_tests::{Scene, setting};
use stage::{ADMIN_TOKEN, Node};

use super::{FUNCTIONS, Home, prepare_emulators};
use crate::devices::Devices;
use crate::message::{Reply, Request, exchange};
use crate::transcript::Says;

/// See the module.
pub struct Server {
    name: &'static str,
    node: Node,
    devices: Devices,
}

impl Server {
    /// With everything on this machine's disk.
    ///
    /// # Errors
    /// When it does not start.
    pub fn on_this_machine(scene: &Scene) -> Result<Self> {
        let folder = |name: &str| scene.dir.join(name).display().to_string();
        let ports = [
            ("DRAWBRIDGE_RECORDS", format!("sled:{}", folder("records"))),
            ("DRAWBRIDGE_PUBLISHER", format!("log:{}", folder("topics"))),
            ("DRAWBRIDGE_OBJECTS", format!("folder:{}", folder("objects"))),
        ];
        Self::start(scene, "server", &ports)
    }

    /// With Google's services as emulators play them.
    ///
    /// # Errors
    /// When it does not start, or an emulator is not there.
    pub fn on_emulators(scene: &Scene) -> Result<Self> {
        let ports = [
            ("DRAWBRIDGE_RECORDS", format!("firestore://transcripts-{}", std::process::id())),
            ("DRAWBRIDGE_PUBLISHER", "pubsub://transcripts".to_owned()),
            ("DRAWBRIDGE_OBJECTS", "gs://".to_owned()),
            ("FIRESTORE_EMULATOR_HOST", setting("FIRESTORE_EMULATOR_HOST")?),
            ("PUBSUB_EMULATOR_HOST", setting("PUBSUB_EMULATOR_HOST")?),
            ("STORAGE_EMULATOR_HOST", setting("STORAGE_EMULATOR_HOST")?),
        ];
        Self::start(scene, "google", &ports)
    }

    fn start(scene: &Scene, name: &'static str, ports: &[(&str, String)]) -> Result<Self> {
        let devices = Devices::new(&scene.dir)?;
        let data = scene.dir.join("data").display().to_string();
        let bus = devices.url();
        let mut variables = vec![
            ("DRAWBRIDGE_FUNCTIONS", FUNCTIONS),
            ("DRAWBRIDGE_COMMANDS", bus.as_str()),
            ("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN),
            ("DRAWBRIDGE_TOKENS", "local"),
            ("DRAWBRIDGE_DATA", data.as_str()),
        ];
        variables.extend(ports.iter().map(|(name, value)| (*name, value.as_str())));
        let node = Node::start(Path::new(&setting("DRAWBRIDGE_TEST_FUNCTION")?), &scene.dir, name, &variables)?;
        Ok(Self { name, node, devices })
    }
}

impl Home for Server {
    fn name(&self) -> &'static str {
        self.name
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.node.http)
    }

    fn prepare(&mut self, says: &Says, bucket: &str) -> Result<()> {
        if self.name == "google" {
            prepare_emulators(says, bucket)?;
        }
        says.sessions.iter().try_for_each(|(name, does)| self.devices.connect(name, does))
    }

    fn ask(&mut self, request: &Request) -> Result<Reply> {
        exchange(self.node.http, request)
    }
}
