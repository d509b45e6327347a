//! What systemd hears: ready, alive as long as the disk is, stopping.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use loop_disk::Disk;
use stage::ServiceManager;
use support::shim::{BINARY, Shim};

/// The period of the watchdog that the shim is started with; it feeds three times in one.
const WATCHDOG: Duration = Duration::from_millis(600);

struct Supervised {
    shim: Shim,
    process: Child,
    manager: ServiceManager,
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
        let manager = ServiceManager::listen(&socket, WATCHDOG).unwrap();
        let mut command = Command::new(BINARY);
        command.arg("run").arg("--config").arg(shim.config()).stderr(Stdio::null());
        manager.supervise(&mut command);
        let process = command.spawn().unwrap();
        Self { shim, process, manager }
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
    supervised.manager.hear_until("READY=1").unwrap();
    assert!(supervised.shim.path("ready.json").exists(), "ready was said before everything listened");
    supervised.manager.hear_until("WATCHDOG=1").unwrap();
    assert!(Command::new("kill").arg(supervised.process.id().to_string()).status().unwrap().success());
    supervised.manager.hear_until("STOPPING=1").unwrap();
    assert!(supervised.process.wait().unwrap().success());
}

#[test]
fn a_disk_that_hangs_stops_the_feeding_of_the_watchdog_and_a_disk_that_is_back_resumes_it() {
    let Some(disk) = Disk::ext4(64) else { return };
    let supervised = Supervised::start(Some(&disk));
    supervised.manager.hear_until("READY=1").unwrap();
    supervised.manager.hear_until("WATCHDOG=1").unwrap();
    let frozen = disk.freeze();
    // A reading that must be made durable: the spool's thread now waits for the disk.
    let socket = std::fs::read_to_string(supervised.shim.path("ready.json")).unwrap();
    let socket: serde_json::Value = serde_json::from_str(&socket).unwrap();
    let mut http = std::net::TcpStream::connect(socket["http"].as_str().unwrap()).unwrap();
    http.write_all(b"POST /v1/events HTTP/1.1\r\nHost: shim\r\nContent-Length: 2\r\n\r\n21").unwrap();
    supervised.manager.hear_nothing_within(Duration::from_secs(10)).unwrap();
    drop(frozen);
    supervised.manager.hear_until("WATCHDOG=1").unwrap();
    drop(http);
}
