//! What systemd hears: ready, alive as long as the disk is, stopping.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use loop_disk::Disk;
use support::shim::{BINARY, Shim};

/// The period of the watchdog that the shim is started with; it feeds three times in one.
const WATCHDOG: Duration = Duration::from_millis(600);

struct Supervised {
    shim: Shim,
    process: Child,
    manager: UnixDatagram,
}

impl Supervised {
    /// Starts a shim whose data is on `data`, or beside its configuration, with a service manager that listens.
    fn start(data: Option<&Disk>) -> Self {
        let shim = Shim::configure(([127, 0, 0, 1], 1).into(), "");
        if let Some(disk) = data {
            let own = shim.path("data").display().to_string();
            let text = std::fs::read_to_string(shim.config()).unwrap();
            std::fs::write(shim.config(), text.replace(&own, &disk.path().join("data").display().to_string())).unwrap();
        }
        let socket = shim.path("notify");
        let manager = UnixDatagram::bind(&socket).unwrap();
        let mut command = Command::new(BINARY);
        command.arg("run").arg("--config").arg(shim.config()).stderr(Stdio::null());
        command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string()).env_remove("WATCHDOG_PID");
        let process = command.spawn().unwrap();
        Self { shim, process, manager }
    }

    /// The next thing the shim says within `limit`; empty when it says nothing.
    fn hear(&self, limit: Duration) -> String {
        self.manager.set_read_timeout(Some(limit)).unwrap();
        let mut said = [0; 512];
        let length = self.manager.recv(&mut said).unwrap_or(0);
        String::from_utf8_lossy(&said[..length]).into_owned()
    }

    fn hear_until(&self, wanted: &str) {
        let give_up = Instant::now() + Duration::from_secs(20);
        while !self.hear(WATCHDOG).contains(wanted) {
            assert!(Instant::now() < give_up, "{wanted} was never said");
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[test]
fn ready_is_said_once_everything_listens_and_stopping_at_sigterm() {
    let mut supervised = Supervised::start(None);
    supervised.hear_until("READY=1");
    assert!(supervised.shim.path("ready.json").exists(), "ready was said before everything listened");
    supervised.hear_until("WATCHDOG=1");
    assert!(Command::new("kill").arg(supervised.process.id().to_string()).status().unwrap().success());
    supervised.hear_until("STOPPING=1");
    assert!(supervised.process.wait().unwrap().success());
}

#[test]
fn a_disk_that_hangs_stops_the_feeding_of_the_watchdog_and_a_disk_that_is_back_resumes_it() {
    let Some(disk) = Disk::ext4(64) else { return };
    let supervised = Supervised::start(Some(&disk));
    supervised.hear_until("READY=1");
    supervised.hear_until("WATCHDOG=1");
    let frozen = disk.freeze();
    // A reading that must be made durable: the spool's thread now waits for the disk.
    let socket = std::fs::read_to_string(supervised.shim.path("ready.json")).unwrap();
    let socket: serde_json::Value = serde_json::from_str(&socket).unwrap();
    let mut http = std::net::TcpStream::connect(socket["http"].as_str().unwrap()).unwrap();
    http.write_all(b"POST /v1/events HTTP/1.1\r\nHost: shim\r\nContent-Length: 2\r\n\r\n21").unwrap();
    let quiet = Instant::now();
    while !supervised.hear(WATCHDOG).is_empty() {
        assert!(quiet.elapsed() < Duration::from_secs(10), "the watchdog was fed although the disk hung");
    }
    drop(frozen);
    supervised.hear_until("WATCHDOG=1");
    drop(http);
}
