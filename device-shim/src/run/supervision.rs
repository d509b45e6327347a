//! What systemd hears of a running shim (`sd_notify(3)`, `Type=notify` and `WatchdogSec=` of the unit).
//!
//! The watchdog is fed by real progress: each time the spool's thread has answered and the drain still runs. A spool whose
//! disk hangs stops the feeding, and systemd restarts the shim; what was acknowledged is on disk. A line that is down is no
//! hang: the drain waits for it, and the watchdog is fed.
//! Without systemd there is no `NOTIFY_SOCKET`, and nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;

use crate::spool::Writer;

/// A period of the watchdog has this many checks: one may come late without a restart (`sd_watchdog_enabled(3)` advises half).
const CHECKS: u32 = 3;

fn say(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "The service manager cannot be told: {error}");
    }
}

/// Everything listens.
pub(super) fn ready(device: &str) {
    say(&[NotifyState::Ready, NotifyState::Status(&format!("Taking readings of {device}"))]);
}

/// No further reading is taken.
pub(super) fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Feeds the watchdog, if the unit asks for one, until the drain ends.
pub(super) async fn watch(writer: Writer, drain: &JoinHandle<()>) {
    let Some(period) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let every = (period / CHECKS).max(Duration::from_millis(1));
    while !drain.is_finished() {
        match tokio::time::timeout(period, writer.stats()).await {
            Ok(Ok(_answered)) => say(&[NotifyState::Watchdog]),
            Ok(Err(error)) => tracing::error!(%error, "The spool does not answer: {error}"),
            Err(_) => tracing::error!(after = ?period, "The spool's thread does not answer; the watchdog is not fed"),
        }
        tokio::time::sleep(every).await;
    }
    tracing::error!("The drain has ended by itself; the watchdog is not fed");
    std::future::pending().await
}
