//! TLS by somebody else before an HTTP port, as every cloud has it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use stage::Process;

use crate::setting;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/tls_proxy.py");

/// A running proxy.
#[derive(Debug)]
pub struct TlsProxy {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    _process: Process,
}

impl TlsProxy {
    /// Starts one before `to`, with the certificate that an installation's own authority made in `data`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn before(to: SocketAddr, data: &Path, log: &Path) -> Result<Self> {
        let mut command = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        let files = data.join("tls");
        command.arg(SCRIPT).arg("--certificate").arg(files.join("server.pem")).arg("--key").arg(files.join("server-key.pem"));
        command.args(["--to", &to.to_string()]);
        let mut process = Process::start_piped("tls_proxy", &mut command, log)?;
        let out = process.child_mut().stdout.take().context("no standard output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let port = line.trim().parse().with_context(|| format!("no port: `{line}`; {}", stage::tail_of(log)))?;
        Ok(Self { port, _process: process })
    }
}
