//! A device: the real shim with a key it made itself.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{Binaries, DeviceId, Http, Process, address, wait_for_ready};

/// How a shim is set up. Waits are short: an outage on this stage takes seconds, not hours.
#[derive(Debug, Clone)]
pub struct ShimOptions {
    /// `mqtt://host:port` or `mqtts://host:port`.
    pub bridge: String,
    /// Root certificate for `mqtts`.
    pub ca: Option<PathBuf>,
    /// Lines to add to the `[link]` section.
    pub link: String,
}

/// A running `drawbridge-shim run`.
#[derive(Debug)]
pub struct Shim {
    /// The process.
    pub process: Process,
    /// Local HTTP intake.
    pub http: SocketAddr,
    /// Local MQTT intake.
    pub mqtt: SocketAddr,
    /// Its configuration file.
    pub config: PathBuf,
}

impl Shim {
    /// Makes a key pair in `dir` and returns the public half.
    ///
    /// # Errors
    /// When `keygen` refuses.
    pub fn keygen(binaries: &Binaries, dir: &Path) -> Result<String> {
        let made = Command::new(&binaries.shim).arg("keygen").arg("--out").arg(dir.join(KEY_NAME)).output()?;
        ensure!(made.status.success(), "drawbridge-shim keygen: {}", String::from_utf8_lossy(&made.stderr));
        let public = public_key_file(dir);
        fs::read_to_string(&public).with_context(|| format!("reading {}", public.display()))
    }

    /// The private key that [`Shim::keygen`] made in `dir`.
    pub fn private_key_file(dir: &Path) -> PathBuf {
        dir.join(format!("{KEY_NAME}.key.pem"))
    }

    /// Writes the configuration of `device` into `dir`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(dir: &Path, device: &DeviceId, options: &ShimOptions) -> Result<PathBuf> {
        let ca = options.ca.as_ref().map(|ca| format!("ca = \"{}\"\n", ca.display())).unwrap_or_default();
        let (key, data, ready) = (Self::private_key_file(dir), dir.join("shim"), ready_file(dir));
        let text = format!(
            "device = \"{}\"\nprivate_key = \"{}\"\nbridge = \"{}\"\n{ca}data_dir = \"{}\"\nready_file = \"{}\"\n\n\
             [accept]\nmqtt = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n\n\
             [link]\n{}\n\n[backoff]\nmin_ms = 100\nmax_ms = 1000\nstable_ms = 5000\n",
            device.name(),
            key.display(),
            options.bridge,
            data.display(),
            ready.display(),
            options.link,
        );
        let config = dir.join("shim.toml");
        fs::write(&config, text).with_context(|| format!("writing {}", config.display()))?;
        Ok(config)
    }

    /// Starts the shim that is configured in `dir`; again after a [`Process::kill`], with the spool it left.
    ///
    /// # Errors
    /// When it does not start or does not get ready.
    pub fn start(binaries: &Binaries, dir: &Path) -> Result<Self> {
        let (config, ready) = (dir.join("shim.toml"), ready_file(dir));
        // A killed shim leaves its ready file behind.
        let _none = fs::remove_file(&ready);
        let mut command = Command::new(&binaries.shim);
        let mut process = Process::start("drawbridge-shim", command.arg("run").arg("--config").arg(&config), &dir.join("shim.log"))?;
        let ready = wait_for_ready(&mut process, &ready)?;
        Ok(Self { process, http: address(&ready, "http")?, mqtt: address(&ready, "mqtt")?, config })
    }

    /// A client of its HTTP intake.
    pub fn intake(&self) -> Http {
        Http::to(self.http)
    }

    /// What `GET /status` says.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Value> {
        self.intake().get("/status")?.success("reading the shim's status")?.json()
    }
}

const KEY_NAME: &str = "device";

fn public_key_file(dir: &Path) -> PathBuf {
    dir.join(format!("{KEY_NAME}.pub.pem"))
}

fn ready_file(dir: &Path) -> PathBuf {
    dir.join("shim-ready.json")
}
