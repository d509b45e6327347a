//! What systemd hears of `drawbridge up`: ready, alive as long as it answers and its disk takes data, stopping.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use loop_disk::Disk;
use stage::ServiceManager;
use tempfile::TempDir;

use crate::support::program;

/// The period of the watchdog that it is started with; it feeds three times in one.
const WATCHDOG: Duration = Duration::from_millis(900);

struct Supervised {
    dir: TempDir,
    process: Child,
    manager: ServiceManager,
}

impl Supervised {
    /// Starts it with its data in `data`, or beside, and a service manager that listens.
    fn start(data: Option<&Path>) -> Self {
        let dir = TempDir::new().unwrap();
        let socket = dir.path().join("notify");
        let manager = ServiceManager::listen(&socket, WATCHDOG).unwrap();
        let beside = dir.path().join("data");
        let mut command = program(dir.path());
        command.args(["up", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--mqtts", "127.0.0.1:0", "--ready-file", "ready.json"]);
        command.arg("--data").arg(data.unwrap_or(&beside)).stdout(Stdio::null()).stderr(Stdio::null());
        manager.supervise(&mut command);
        let process = command.spawn().unwrap();
        Self { dir, process, manager }
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
    supervised.manager.hear_until("READY=1").unwrap();
    assert!(supervised.dir.path().join("ready.json").exists(), "ready was said before everything listened");
    supervised.manager.hear_until("WATCHDOG=1").unwrap();
    stage::signal("TERM", &supervised.process.id().to_string()).unwrap();
    supervised.manager.hear_until("STOPPING=1").unwrap();
    assert!(supervised.process.wait().unwrap().success());
}

#[test]
fn a_disk_that_hangs_stops_the_feeding_of_the_watchdog_of_up() {
    let Some(disk) = Disk::ext4(64) else { return };
    let supervised = Supervised::start(Some(&disk.path().join("data")));
    supervised.manager.hear_until("WATCHDOG=1").unwrap();
    let frozen = disk.freeze();
    supervised.manager.hear_nothing_within(Duration::from_secs(10)).unwrap();
    drop(frozen);
    supervised.manager.hear_until("WATCHDOG=1").unwrap();
}
