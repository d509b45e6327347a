//! A second device that is not ours: paho-mqtt from PyPI, as Cloud IoT's own samples used it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use stage::{DeviceId, Process};

use crate::setting;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/paho_device.py");

/// How the device connects and what it sends.
#[derive(Debug)]
pub struct PahoOptions<'a> {
    /// The bridge's TLS listener.
    pub mqtts: SocketAddr,
    /// Its root certificate.
    pub ca: &'a Path,
    /// Who it is.
    pub device: &'a DeviceId,
    /// Its token.
    pub token: &'a str,
    /// The path of MQTT over WebSocket; without, MQTT over TLS.
    pub websocket: Option<&'a str>,
    /// Messages to send at QoS 1; their payloads are `0..count`.
    pub count: u64,
}

/// A running paho client.
#[derive(Debug)]
pub struct Paho(Process);

impl Paho {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no Python with paho-mqtt: `cargo xtask test` installs it.
    pub fn start(options: &PahoOptions, log: &Path) -> Result<Self> {
        let mut command = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        command.arg(SCRIPT).args(["--host", &options.mqtts.ip().to_string(), "--port", &options.mqtts.port().to_string()]);
        command.arg("--ca").arg(options.ca).args(["--client-id", &options.device.name(), "--device", &options.device.device]);
        if let Some(path) = options.websocket {
            command.args(["--websocket", path]);
        }
        // The token by the environment: a command line is everybody's to read.
        command.args(["--count", &options.count.to_string()]).env("DEVICE_TOKEN", options.token);
        Ok(Self(Process::start_piped("paho", &mut command, log)?))
    }

    /// Waits for its end and returns its report: `acknowledged`, `configs`, `reason`.
    ///
    /// # Errors
    /// When it failed.
    pub fn finish(mut self) -> Result<Value> {
        let out = self.0.child_mut().stdout.take().context("no standard output")?;
        let report = std::io::read_to_string(out)?;
        let status = self.0.child_mut().wait()?;
        ensure!(status.success(), "paho ({status}): {report}\n{}", stage::tail_of(self.0.log()));
        serde_json::from_str(report.lines().last().unwrap_or_default()).with_context(|| format!("no report: {report}"))
    }
}
