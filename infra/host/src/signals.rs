//! What a person, an orchestrator or systemd tells a process that runs on.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::tls::TlsError;

/// The signals that are heard from the moment in which this is made, so none is lost while the process starts.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Hears SIGTERM, SIGINT and SIGHUP from now on. An error when the system gives no handler.
    pub fn listen() -> io::Result<Self> {
        let (terminate, interrupt, hang_up) = (SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup());
        Ok(Self { terminate: signal(terminate)?, interrupt: signal(interrupt)?, hang_up: signal(hang_up)? })
    }

    /// Returns at SIGTERM and SIGINT. At SIGHUP it reads the certificate again by `reload`, whose error leaves the old one.
    pub async fn until_stop(mut self, reload: impl Fn() -> Result<(), TlsError>) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hang_up.recv() => {
                    if let Err(e) = reload() {
                        tracing::error!(error = %e, "The old certificate stays: {e}");
                    }
                }
            }
        }
    }
}
