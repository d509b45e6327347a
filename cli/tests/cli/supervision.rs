//! What systemd hears of `drawbridge up`: ready, alive as long as it answers and its disk takes data, stopping.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use loop_disk::Disk;
use tempfile::TempDir;

use crate::support::program;

/// The period of the watchdog that it is started with; it feeds three times in one.
const WATCHDOG: Duration = Duration::from_millis(900);

struct Supervised {
    dir: TempDir,
    process: Child,
    manager: UnixDatagram,
}

impl Supervised {
    /// Starts it with its data in `data`, or beside, and a service manager that listens.
    fn start(data: Option<&Path>) -> Self {
        let dir = TempDir::new().unwrap();
        let socket = dir.path().join("notify");
        let manager = UnixDatagram::bind(&socket).unwrap();
        let beside = dir.path().join("data");
        let mut command = program(dir.path());
        command.args(["up", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--mqtts", "127.0.0.1:0", "--ready-file", "ready.json"]);
        command.arg("--data").arg(data.unwrap_or(&beside)).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        let process = command.spawn().unwrap();
        Self { dir, process, manager }
    }

    /// The next thing it says within `limit`; empty when it says nothing.
    fn hear(&self, limit: Duration) -> String {
        self.manager.set_read_timeout(Some(limit)).unwrap();
        let mut said = [0; 512];
        let length = self.manager.recv(&mut said).unwrap_or(0);
        String::from_utf8_lossy(&said[..length]).into_owned()
    }

    fn hear_until(&self, wanted: &str) {
        let give_up = Instant::now() + Duration::from_secs(30);
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
fn systemd_hears_that_up_is_ready_alive_and_stopping() {
    let mut supervised = Supervised::start(None);
    supervised.hear_until("READY=1");
    assert!(supervised.dir.path().join("ready.json").exists(), "ready was said before everything listened");
    supervised.hear_until("WATCHDOG=1");
    stage::signal("TERM", &supervised.process.id().to_string()).unwrap();
    supervised.hear_until("STOPPING=1");
    assert!(supervised.process.wait().unwrap().success());
}

#[test]
fn a_disk_that_hangs_stops_the_feeding_of_the_watchdog_of_up() {
    let Some(disk) = Disk::ext4(64) else { return };
    let supervised = Supervised::start(Some(&disk.path().join("data")));
    supervised.hear_until("WATCHDOG=1");
    let frozen = disk.freeze();
    let quiet = Instant::now();
    // One period without a word: systemd would restart it.
    while !supervised.hear(WATCHDOG).is_empty() {
        assert!(quiet.elapsed() < Duration::from_secs(10), "the watchdog was fed although the disk hung");
    }
    drop(frozen);
    supervised.hear_until("WATCHDOG=1");
}
