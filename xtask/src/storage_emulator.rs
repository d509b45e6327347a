//! Cloud Storage for the tests: an emulator from PyPI, mended in `tests/clients/storage_emulator.py`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use stage::{Http, Process};

use crate::{interrupt, shell};

/// It takes half a second on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running emulator with nothing in it.
pub(crate) struct StorageEmulator {
    pub(crate) addr: SocketAddr,
    _process: Process,
}

impl StorageEmulator {
    /// Starts it on a free port, by the Python that has it installed.
    pub(crate) fn start(python: &Path) -> Result<Self> {
        let logs = shell::target().join("test-tools");
        std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        // Free now; the emulator takes it within the second, or says that it could not.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(python);
        command.arg(shell::root().join("tests/clients/storage_emulator.py")).arg(format!("--port={}", addr.port()));
        let mut process = Process::start("the Cloud Storage emulator", &mut command, &logs.join("storage-emulator.log"))?;
        process.wait_for("answer", START_LIMIT, || {
            interrupt::check()?;
            Ok(Http::to(addr).get("/").ok())
        })?;
        Ok(Self { addr, _process: process })
    }
}
