use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// How long a word may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What systemd is to a service: a socket that it says READY, WATCHDOG and STOPPING to (`sd_notify`(3)).
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    path: PathBuf,
    watchdog: Duration,
}

impl ServiceManager {
    /// Listens at `path`, and asks for a word in each `watchdog`.
    ///
    /// # Errors
    /// When there is something at `path`.
    pub fn listen(path: &Path, watchdog: Duration) -> Result<Self> {
        let socket = UnixDatagram::bind(path).with_context(|| format!("binding {}", path.display()))?;
        Ok(Self { socket, path: path.into(), watchdog })
    }

    /// Tells `command` where it is listened.
    pub fn supervise(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", &self.path).env("WATCHDOG_USEC", self.watchdog.as_micros().to_string());
        command.env_remove("WATCHDOG_PID");
    }

    /// The next thing that is said within one period of the watchdog; empty when nothing is.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub fn hear(&self) -> Result<String> {
        self.socket.set_read_timeout(Some(self.watchdog))?;
        let mut said = [0; 512];
        let length = self.socket.recv(&mut said).unwrap_or(0);
        Ok(String::from_utf8_lossy(&said[..length]).into_owned())
    }

    /// Waits until `wanted` is said.
    ///
    /// # Errors
    /// When it is not in 20 s.
    pub fn hear_until(&self, wanted: &str) -> Result<()> {
        let start = Instant::now();
        while !self.hear()?.contains(wanted) {
            ensure!(start.elapsed() < PATIENCE, "{wanted} was not said within {PATIENCE:?}");
        }
        Ok(())
    }

    /// Waits until a whole period passes without a word: systemd would restart the service.
    ///
    /// # Errors
    /// When the watchdog is still fed after `limit`.
    pub fn hear_nothing_within(&self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        while !self.hear()?.is_empty() {
            ensure!(start.elapsed() < limit, "the watchdog was still fed after {limit:?}");
        }
        Ok(())
    }
}
