//! `drawbridge-shim run` as a process in a folder of its own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::wait_until;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_drawbridge-shim");
pub(crate) const DEVICE: &str = "projects/p-1/locations/l/registries/reg/devices/dev-1";

pub(crate) struct Shim {
    pub(crate) dir: tempfile::TempDir,
    process: Option<Child>,
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(BINARY);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end before it has read its input.
    let _ended = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

impl Shim {
    /// Makes a key and a configuration whose waits are short. `more` may hold any section but `[backoff]`.
    pub(crate) fn configure(bridge: SocketAddr, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let shim = Self { dir, process: None };
        let made = run(&["keygen", "--out", shim.dir.path().to_str().unwrap()], "");
        assert!(made.status.success(), "{made:?}");
        shim.write_config(bridge, more);
        shim
    }

    pub(crate) fn write_config(&self, bridge: SocketAddr, more: &str) {
        let dir = self.dir.path().display();
        let accept = if more.contains("[accept]") { "" } else { "[accept]\nhttp = \"127.0.0.1:0\"\nmqtt = \"127.0.0.1:0\"\n" };
        let text = format!(
            "device = \"{DEVICE}\"\nprivate_key = \"{dir}/device.key.pem\"\nbridge = \"mqtt://{bridge}\"\ndata_dir = \"{dir}/data\"\n\
             ready_file = \"{dir}/ready.json\"\n{accept}{more}\n[backoff]\nmin_ms = 50\nmax_ms = 200\nstable_ms = 60000\n"
        );
        fs::write(self.config(), text).unwrap();
    }

    pub(crate) fn start(bridge: SocketAddr, more: &str) -> Self {
        let mut shim = Self::configure(bridge, more);
        shim.restart();
        shim
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("shim.toml")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn restart(&mut self) {
        let _absent = fs::remove_file(self.path("ready.json"));
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = Command::new(BINARY);
        self.process = Some(command.arg("run").arg("--config").arg(self.config()).stderr(log).spawn().unwrap());
        let (process, ready) = (self.process.as_mut().unwrap(), self.dir.path().join("ready.json"));
        wait_until("the shim is ready", || {
            assert!(process.try_wait().unwrap().is_none(), "the shim ended: {}", fs::read_to_string(self.dir.path().join("log")).unwrap());
            ready.exists()
        });
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// SIGTERM; the exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let mut process = self.process.take().unwrap();
        let status = Command::new("kill").arg(process.id().to_string()).status().unwrap();
        assert!(status.success());
        process.wait().unwrap().code()
    }

    pub(crate) fn address(&self, intake: &str) -> SocketAddr {
        let ready: Value = serde_json::from_slice(&fs::read(self.path("ready.json")).unwrap()).unwrap();
        ready[intake].as_str().unwrap().parse().unwrap()
    }

    /// The status code and the body.
    pub(crate) fn http(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address("http")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        // A refusal may come before the whole body is read.
        let _refused = stream.write_all(body);
        let mut answer = Vec::new();
        let _cut = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let code = answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default();
        (code, answer.split_once("\r\n\r\n").unwrap_or_default().1.to_owned())
    }

    pub(crate) fn post(&self, payload: &str) {
        let (code, body) = self.http("POST", "/v1/events", "", payload.as_bytes());
        assert_eq!(code, 200, "{body}");
    }

    /// `drawbridge-shim send --lines` with the numbers of `range`.
    pub(crate) fn send(&self, range: std::ops::Range<u32>) {
        let input: String = range.map(|n| format!("{n}\n")).collect();
        let sent = run(&["send", "--lines", "--config", self.config().to_str().unwrap()], &input);
        assert!(sent.status.success(), "{sent:?}");
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_str(&self.http("GET", "/status", "", b"").1).unwrap()
    }

    /// Waits until so many are delivered, and checks the account on the way.
    pub(crate) fn wait_delivered(&self, count: u64) {
        wait_until(&format!("{count} are delivered"), || {
            let status = self.status();
            let get = |name: &str| status[name].as_u64().unwrap();
            let evicted: u64 = status["evicted"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
            assert_eq!(get("accepted"), get("delivered") + get("held") + evicted, "{status}");
            get("delivered") >= count
        });
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _gone = process.kill();
            let _gone = process.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(Path::new(&self.path("log"))).unwrap_or_default());
        }
    }
}
