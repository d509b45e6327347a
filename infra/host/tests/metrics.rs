//! What a running process says of itself: `/metrics` on a listener of its own, and its log lines as a cloud reads them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const START_LIMIT: Duration = Duration::from_secs(30);
/// One byte above `edge::DEFAULT_BODY_LIMIT`.
const TOO_LARGE: usize = 2 * 1024 * 1024 + 1;
const DEVICE: &str = "v1/projects/p/locations/l/registries/r/devices/d";

/// The process, ended with the test.
struct Process {
    child: Child,
    addresses: Value,
    _folder: tempfile::TempDir,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _waited = self.child.wait();
    }
}

impl Process {
    fn start(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready.json");
        let log = format!("log:{}", folder.path().join("topics").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge-function"));
        command.env_clear().envs([
            ("DRAWBRIDGE_FUNCTIONS", "device-registry,bridge"),
            ("DRAWBRIDGE_RECORDS", "memory:"),
            ("DRAWBRIDGE_PUBLISHER", &log),
            ("DRAWBRIDGE_ADMIN_TOKEN", "hush"),
            ("DRAWBRIDGE_HTTP", "127.0.0.1:0"),
            ("DRAWBRIDGE_MQTT", "127.0.0.1:0"),
        ]);
        command.env("DRAWBRIDGE_READY_FILE", &ready).envs(more.iter().copied()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let since = Instant::now();
        while !ready.exists() {
            assert!(since.elapsed() < START_LIMIT && child.try_wait().unwrap().is_none(), "it did not start");
            thread::sleep(Duration::from_millis(5));
        }
        let addresses = serde_json::from_slice(&fs::read(&ready).unwrap()).unwrap();
        Self { child, addresses, _folder: folder }
    }

    fn url(&self, of: &str, path: &str) -> String {
        format!("http://{}/{path}", self.addresses[of].as_str().unwrap())
    }

    /// Stops it in order, and returns its log.
    fn log(mut self) -> Vec<String> {
        let stopped = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        let lines = BufReader::new(self.child.stderr.take().unwrap()).lines().map(Result::unwrap).collect();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        lines
    }
}

#[tokio::test]
async fn metrics_have_a_listener_of_their_own_with_the_numbers_of_every_part() {
    let process = Process::start(&[("DRAWBRIDGE_METRICS", "127.0.0.1:0")]);
    let client = reqwest::Client::new();
    let refused = client.get(process.url("http", DEVICE)).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let reply = client.get(process.url("metrics", "metrics")).send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = reply.text().await.unwrap();
    for expected in [
        "drawbridge_requests_total{function=\"device-registry\",code=\"401\"} 1\n",
        "drawbridge_bridge_sessions 0\n",
        "drawbridge_bridge_publishes_total 0\n",
        "drawbridge_keys_read_total 0\n",
        "drawbridge_statuses_forgotten_total 0\n",
        concat!("drawbridge_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1\n"),
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let at_functions = client.get(process.url("http", "metrics")).send().await.unwrap();
    assert_eq!(at_functions.status(), 404, "who reaches the functions does not reach the numbers");
}

#[tokio::test]
async fn nothing_listens_for_metrics_unless_it_is_told_to() {
    let process = Process::start(&[]);
    assert_eq!(process.addresses["metrics"], Value::Null);
}

#[tokio::test]
async fn each_log_line_is_json_with_the_request_and_its_trace() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let process = Process::start(&[("DRAWBRIDGE_LOG_FORMAT", "gcp"), ("DRAWBRIDGE_LOG", "info,edge=debug")]);
    let request = reqwest::Client::new().post(process.url("http", "v1/projects/p/locations/europe-west1/registries"));
    let request = request.bearer_auth("hush").header("x-request-id", "r-7").body(vec![b' '; TOO_LARGE]);
    let request = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
    assert_eq!(request.send().await.unwrap().status(), 400);
    let lines: Vec<Value> = process.log().iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.iter().all(|line| line["severity"].is_string() && line["message"].is_string() && line["time"].is_string()), "{lines:?}");
    let of_request = lines.iter().find(|line| line["message"].as_str().unwrap().starts_with("Refused: POST")).unwrap();
    assert_eq!((&of_request["requestId"], &of_request["logging.googleapis.com/trace"]), (&"r-7".into(), &TRACE.into()));
    assert!(lines.iter().any(|line| line["message"] == "Stopped"), "{lines:?}");
}
