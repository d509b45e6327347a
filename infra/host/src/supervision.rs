//! What systemd hears of a server (`sd_notify(3)`, `Type=notify` and `WatchdogSec=` of the units).
//!
//! The watchdog is fed by real progress: each time the process has answered a request over its own HTTP listener and, where
//! it keeps data, has brought a byte to the disk. A listener that ended, a runtime that is stuck or a disk that hangs stops
//! the feeding, and systemd restarts the process; what was acknowledged is on disk. A cloud that is away or a disk that is
//! full is no hang: the answer says so, and a restart would not help.
//! Without systemd there is no `NOTIFY_SOCKET`, and nothing is sent.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::serve;

/// A period of the watchdog has this many checks: one may come late without a restart (`sd_watchdog_enabled(3)` advises half).
const CHECKS: u32 = 3;

/// In the data folder: written anew by each check.
const PROBE_FILE: &str = "watchdog";

/// Any answer will do: it is the way there and back that is tried, and `/readyz` asks the records.
const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: watchdog\r\nConnection: close\r\n\r\n";

fn say(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "The service manager cannot be told: {error}");
    }
}

/// Says that everything listens, and from now on feeds the watchdog, if the unit asks for one, until `stop`.
pub(crate) fn begin(http: SocketAddr, data: Option<&Path>, stop: &watch::Sender<bool>, tasks: &mut JoinSet<()>) {
    say(&[NotifyState::Ready, NotifyState::Status(&format!("HTTP on {http}"))]);
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let (probe, stopped) = (Probe { http: reachable(http), data: data.map(|data| data.join(PROBE_FILE)) }, serve::stopped(stop));
    tasks.spawn(async move {
        tokio::select! {
            () = probe.feed(period) => {}
            () = stopped => {}
        }
    });
}

/// Nothing more is accepted.
pub(crate) fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Every address is also this machine's own.
fn reachable(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

struct Probe {
    http: SocketAddr,
    data: Option<PathBuf>,
}

impl Probe {
    async fn feed(&self, period: Duration) {
        loop {
            // The same check until it ends: checks of a disk that hangs must not pile up.
            let mut check = pin!(self.check());
            let checked = loop {
                match tokio::time::timeout(period, &mut check).await {
                    Ok(checked) => break checked,
                    Err(_) => tracing::error!(after = ?period, "This process does not answer itself; the watchdog is not fed"),
                }
            };
            match checked {
                Ok(()) => say(&[NotifyState::Watchdog]),
                Err(error) => tracing::error!(%error, "This process does not answer itself: {error}; the watchdog is not fed"),
            }
            tokio::time::sleep((period / CHECKS).max(Duration::from_millis(1))).await;
        }
    }

    async fn check(&self) -> io::Result<()> {
        if let Some(file) = self.data.clone() {
            let written =
                tokio::task::spawn_blocking(move || File::create(file).and_then(|mut file| file.write_all(b".").and(file.sync_all())));
            if let Err(error) = written.await.map_err(io::Error::other)? {
                tracing::warn!(%error, "The data folder cannot be written: {error}");
            }
        }
        let mut line = TcpStream::connect(self.http).await?;
        line.write_all(REQUEST).await?;
        let mut answer = [0; 9];
        line.read_exact(&mut answer).await?;
        if &answer == b"HTTP/1.1 " { Ok(()) } else { Err(io::Error::other("the answer is no HTTP")) }
    }
}
