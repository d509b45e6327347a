//! A NATS server that can be killed and started anew at the same address.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{Process, START_LIMIT};

/// A running nats-server.
#[derive(Debug)]
pub struct NatsServer {
    program: PathBuf,
    log: PathBuf,
    addr: SocketAddr,
    /// A configuration file, where there is one.
    config: Option<PathBuf>,
    process: Option<Process>,
}

impl NatsServer {
    /// Starts `program` on a free port, with its log in `dir`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, dir: &Path) -> Result<Self> {
        let log = dir.join("nats-server.log");
        let mut server = Self { program: program.into(), log, addr: free_address()?, config: None, process: None };
        server.restart()?;
        Ok(server)
    }

    /// Starts it with this configuration, beside the address: TLS, accounts, a cluster. `dir` is its own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn configured(program: &Path, dir: &Path, config: &str) -> Result<Self> {
        let file = dir.join("nats-server.conf");
        fs::write(&file, config).with_context(|| format!("writing {}", file.display()))?;
        let log = dir.join("nats-server.log");
        let mut server = Self { program: program.into(), log, addr: free_address()?, config: Some(file), process: None };
        server.restart()?;
        Ok(server)
    }

    /// The program that `cargo xtask` found.
    ///
    /// # Errors
    /// When it was started without `cargo xtask`.
    pub fn program_from_env() -> Result<PathBuf> {
        let name = "DRAWBRIDGE_TEST_NATS_SERVER";
        std::env::var_os(name).map(Into::into).with_context(|| format!("{name} is not set: run this by `cargo xtask test [FILTER]`"))
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("nats://{}", self.addr)
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill().map(drop))
    }

    /// Starts it at the same address.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["--addr", "127.0.0.1", "--port", &self.addr.port().to_string()]);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        let mut process = Process::start("nats-server", &mut command, &self.log)?;
        process.wait_for("answer", START_LIMIT, || Ok(TcpStream::connect(self.addr).ok()))?;
        self.process = Some(process);
        Ok(())
    }
}

/// Free now; the server takes it within the second, or says that it could not.
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
