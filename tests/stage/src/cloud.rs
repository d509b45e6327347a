//! The cloud side in one process, and what an administrator does with it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::administrator::{Administrator, LOCATION};
use crate::{Binaries, Http, Process, address, wait_for_ready};

/// The token administrators use on this stage. It opens nothing but loopback.
pub const ADMIN_TOKEN: &str = "stage-admin-token";

/// How to start the cloud side.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// Project id.
    pub project: String,
    /// `local`, or a project of Pub/Sub.
    pub pubsub: String,
    /// Environment, such as the emulator's address.
    pub env: Vec<(String, String)>,
}

impl CloudOptions {
    /// Topics on disk, no environment.
    pub fn local(project: &str) -> Self {
        Self { project: project.into(), pubsub: "local".into(), env: Vec::new() }
    }

    /// Topics in the Pub/Sub emulator.
    pub fn emulator(project: &str, host: &str) -> Self {
        Self { project: project.into(), pubsub: project.into(), env: vec![("PUBSUB_EMULATOR_HOST".into(), host.into())] }
    }
}

/// A device within the stage's location.
#[derive(Debug, Clone)]
pub struct DeviceId {
    /// Project id.
    pub project: String,
    /// Registry id.
    pub registry: String,
    /// Device id.
    pub device: String,
}

impl DeviceId {
    /// `projects/…/devices/…`: also the MQTT client id.
    pub fn name(&self) -> String {
        format!("projects/{}/locations/{LOCATION}/registries/{}/devices/{}", self.project, self.registry, self.device)
    }
}

/// A running `drawbridge up`.
#[derive(Debug)]
pub struct Cloud {
    /// The process.
    pub process: Process,
    /// Administration and the HTTP bridge.
    pub http: SocketAddr,
    /// MQTT without TLS.
    pub mqtt: SocketAddr,
    /// MQTT with TLS.
    pub mqtts: SocketAddr,
    /// Root certificate of the TLS listener.
    pub ca: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// Its project.
    pub project: String,
}

impl Cloud {
    /// Starts it on free ports with its data in `dir/cloud`.
    ///
    /// # Errors
    /// When it does not start or does not get ready.
    pub fn start(binaries: &Binaries, dir: &Path, options: &CloudOptions) -> Result<Self> {
        let (data, ready_file) = (dir.join("cloud"), dir.join("cloud-ready.json"));
        // A second start finds the data of the first, and must not find its ready file.
        let _none = fs::remove_file(&ready_file);
        let mut command = Command::new(&binaries.drawbridge);
        command.args(["up", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--mqtts", "127.0.0.1:0", "--data"]).arg(&data);
        command.args(["--project", &options.project, "--admin-token", ADMIN_TOKEN, "--pubsub", &options.pubsub, "--ready-file"]);
        command.arg(&ready_file).envs(options.env.iter().map(|(k, v)| (k, v)));
        let mut process = Process::start("drawbridge up", &mut command, &dir.join("cloud.log"))?;
        let ready = wait_for_ready(&mut process, &ready_file)?;
        let ca = ready["ca"].as_str().context("the ready file has no `ca`")?.into();
        let [http, mqtt, mqtts] = ["http", "mqtt", "mqtts"].map(|key| address(&ready, key));
        Ok(Self { process, http: http?, mqtt: mqtt?, mqtts: mqtts?, ca, data, project: options.project.clone() })
    }

    /// An administrator's client.
    pub fn admin(&self) -> Http {
        self.administrator().client()
    }

    /// Who administers it.
    pub fn administrator(&self) -> Administrator {
        Administrator { http: self.http, project: self.project.clone() }
    }

    /// As [`Administrator::create_registry`].
    ///
    /// # Errors
    /// When it is refused.
    pub fn create_registry(&self, registry: &str, topic: &str) -> Result<Value> {
        self.administrator().create_registry(registry, topic)
    }

    /// As [`Administrator::create_device`].
    ///
    /// # Errors
    /// When it is refused.
    pub fn create_device(&self, registry: &str, device: &str, public_key_pem: &str) -> Result<DeviceId> {
        self.administrator().create_device(registry, device, public_key_pem)
    }

    /// The device as the registry shows it.
    ///
    /// # Errors
    /// When it is refused.
    pub fn device(&self, device: &DeviceId) -> Result<Value> {
        self.admin().get(&format!("/v1/{}", device.name()))?.success("reading the device")?.json()
    }
}
