//! A cloud whose devices may use Google's services by their access tokens, and a device that asks for them.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use stage::{Cloud, CloudOptions, DeviceId, Process, START_LIMIT, Shim, ShimOptions};

use crate::Scene;

/// All devices, as the stand-in for Google's token services knows them.
const EVERY_DEVICE: &str = "principalSet://iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge/*";

/// A cloud with a policy, and a device with a key that is registered.
#[derive(Debug)]
pub struct Federation {
    /// The cloud.
    pub cloud: Cloud,
    /// The device.
    pub device: DeviceId,
    /// The service account that devices may act as.
    pub account: String,
    dir: PathBuf,
}

impl Federation {
    /// Devices may publish, read and write objects, and act as the account; the account may send commands and make
    /// topics and buckets.
    ///
    /// # Errors
    /// When a part does not start.
    pub fn start(scene: &Scene, mut options: CloudOptions) -> Result<Self> {
        let dir = scene.dir.clone();
        let account = format!("operator@{}.iam.gserviceaccount.com", options.project);
        let operator = format!("serviceAccount:{account}");
        let binding = |role: &str, member: &str| json!({ "role": format!("roles/{role}"), "members": [member] });
        let policy = json!({ "bindings": [
            binding("pubsub.publisher", EVERY_DEVICE),
            binding("storage.objectUser", EVERY_DEVICE),
            binding("iam.workloadIdentityUser", EVERY_DEVICE),
            binding("cloudiot.deviceController", &operator),
            binding("storage.admin", &operator),
        ] });
        let file = dir.join("policy.json");
        fs::write(&file, policy.to_string()).with_context(|| format!("writing {}", file.display()))?;
        options.env.push(("DRAWBRIDGE_IAM_POLICY".into(), file.display().to_string()));
        // For those who ask the token service for it at once.
        let registry = format!("projects/{}/locations/europe-west1/registries/greenhouse", options.project);
        options.env.push(("DRAWBRIDGE_IMPERSONATE".into(), format!("{registry}={account}")));
        let cloud = Cloud::start(&scene.binaries, &dir, &options)?;
        cloud.create_registry("greenhouse", "readings")?;
        let device = cloud.create_device("greenhouse", "pi-1", &Shim::keygen(&scene.binaries, &dir)?)?;
        let shim = ShimOptions { bridge: format!("mqtts://{}", cloud.mqtts), ca: Some(cloud.ca.clone()), link: String::new() };
        let config = Shim::configure(&dir, &device, &shim)?;
        let text = fs::read_to_string(&config)?;
        fs::write(&config, format!("cloud = \"http://{}\"\n{text}", cloud.http))?;
        Ok(Self { cloud, device, account, dir })
    }

    /// The shim's configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join("shim.toml")
    }

    /// The device's private key.
    #[must_use]
    pub fn private_key(&self) -> PathBuf {
        Shim::private_key_file(&self.dir)
    }

    /// `drawbridge-shim serve-metadata` with `more` flags, and where it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub fn serve_metadata(&self, scene: &Scene, more: &[&str]) -> Result<(Process, SocketAddr)> {
        let log = self.dir.join("metadata.log");
        // Another one's greeting is not ours.
        let _none = fs::remove_file(&log);
        let mut command = Command::new(&scene.binaries.shim);
        command.args(["serve-metadata", "--listen", "127.0.0.1:0", "--config"]).arg(self.config()).args(more);
        let mut process = Process::start("drawbridge-shim serve-metadata", &mut command, &log)?;
        let address = process.wait_for("greeting", START_LIMIT, || {
            let text = fs::read_to_string(&log)?;
            Ok(text.split("GCE_METADATA_HOST=").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok()))
        })?;
        Ok((process, address))
    }

    /// The device, connected over MQTT by paho and subscribed to its commands; ends after one.
    ///
    /// # Errors
    /// When it does not get there.
    pub fn connect(&self, python: &str) -> Result<Process> {
        let (log, mut command) = (self.dir.join("device.log"), Command::new(python));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/command_device.py"));
        command.arg("--private_key_file").arg(self.private_key()).args(["--device", &self.device.name()]);
        command.args(["--bridge", &self.cloud.mqtts.to_string()]).arg("--ca_certs").arg(&self.cloud.ca);
        let mut process = Process::start("the device", &mut command, &log)?;
        let subscribed = || Ok(fs::read_to_string(&log)?.contains("subscribed").then_some(()));
        process.wait_for("subscription", Duration::from_secs(30), subscribed)?;
        Ok(process)
    }

    /// What the connected device has said.
    ///
    /// # Errors
    /// When it was never there.
    pub fn device_said(&self) -> Result<String> {
        Ok(fs::read_to_string(self.dir.join("device.log"))?)
    }
}
