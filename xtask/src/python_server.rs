//! Services that Python programs play for the tests: Cloud Storage, AWS. What each mends stands in the program.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use stage::{Http, Process};

use crate::{interrupt, shell};

/// They take half a second and three on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running service with nothing in it.
pub(crate) struct PythonServer {
    pub(crate) addr: SocketAddr,
    _process: Process,
}

impl PythonServer {
    /// Starts `tests/clients/{program}.py` on a free port, by the Python that has its packages.
    pub(crate) fn start(python: &Path, name: &str, program: &str) -> Result<Self> {
        let logs = shell::target().join("test-tools");
        std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        // Free now; the program takes it within the second, or says that it could not.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(python);
        command.arg(shell::root().join(format!("tests/clients/{program}.py"))).arg(format!("--port={}", addr.port()));
        let mut process = Process::start(name, &mut command, &logs.join(format!("{program}.log")))?;
        process.wait_for("answer", START_LIMIT, || {
            interrupt::check()?;
            Ok(Http::to(addr).get("/").ok())
        })?;
        println!("{name} listens on {addr}");
        Ok(Self { addr, _process: process })
    }
}
