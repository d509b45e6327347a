//! One process of an installation: `drawbridge-function`, told by variables.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{Http, Process, address, wait_for_ready};

/// A running `drawbridge-function`.
#[derive(Debug)]
pub struct Node {
    /// The process.
    pub process: Process,
    /// The HTTP functions and the health checks.
    pub http: SocketAddr,
    /// MQTT without TLS, where a bridge runs.
    pub mqtt: Option<SocketAddr>,
}

impl Node {
    /// Starts `program` as `name` on free ports, with its log in `dir`.
    ///
    /// # Errors
    /// When it does not start or does not get ready.
    pub fn start(program: &Path, dir: &Path, name: &str, variables: &[(&str, &str)]) -> Result<Self> {
        let ready_file: PathBuf = dir.join(format!("{name}-ready.json"));
        let _none = fs::remove_file(&ready_file);
        let mut command = Command::new(program);
        command.env("DRAWBRIDGE_HTTP", "127.0.0.1:0").env("DRAWBRIDGE_READY_FILE", &ready_file).envs(variables.iter().copied());
        let mut process = Process::start(name, &mut command, &dir.join(format!("{name}.log")))?;
        let ready = wait_for_ready(&mut process, &ready_file)?;
        let mqtt = if ready["mqtt"].is_null() { None } else { Some(address(&ready, "mqtt")?) };
        Ok(Self { process, http: address(&ready, "http")?, mqtt })
    }

    /// Where devices connect.
    ///
    /// # Errors
    /// When no bridge runs here.
    pub fn mqtt(&self) -> Result<SocketAddr> {
        self.mqtt.context("no bridge runs in this process")
    }

    /// What `GET /readyz` says.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn ready(&self) -> Result<(u16, serde_json::Value)> {
        let reply = Http::to(self.http).get("/readyz")?;
        Ok((reply.status, reply.json()?))
    }
}
