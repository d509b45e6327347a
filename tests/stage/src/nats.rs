//! A NATS server that can be killed and started anew at the same address.

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
    process: Option<Process>,
}

impl NatsServer {
    /// Starts `program` on a free port, with its log in `dir`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, dir: &Path) -> Result<Self> {
        // Free now; the server takes it within the second, or says that it could not.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut server = Self { program: program.into(), log: dir.join("nats-server.log"), addr, process: None };
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
        let mut process = Process::start("nats-server", &mut command, &self.log)?;
        process.wait_for("answer", START_LIMIT, || Ok(TcpStream::connect(self.addr).ok()))?;
        self.process = Some(process);
        Ok(())
    }
}
