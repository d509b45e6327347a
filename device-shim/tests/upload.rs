//! `drawbridge-shim upload` against the real storage function: cut, refused, changed under way.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(dead_code, reason = "what the tests of downloads need of the same cloud")]

#[path = "support/files.rs"]
mod files;
mod support;

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::put;
use chaos_proxy::{ChaosProxy, Direction};
use files::{Files, MAX_UPLOAD_BYTES, content, said, serve, set_cloud};
use support::shim::{BINARY, Shim, run};
use support::wait_until;

/// The id of the device that the shim of the tests is.
const TO: &str = "logs/dev-1/today";

/// A device with a key and a file, whose cloud is at `cloud` once it is known.
struct Device(Shim);

impl Device {
    fn new(file: &[u8]) -> Self {
        let device = Self(Shim::configure(([127, 0, 0, 1], 1).into(), ""));
        fs::write(device.0.path("log"), file).unwrap();
        device
    }
    fn set_cloud(&self, cloud: SocketAddr) {
        set_cloud(&self.0, cloud);
    }
    fn command(&self, to: &str, more: &[&str]) -> Vec<String> {
        let (config, file) = (self.0.config(), self.0.path("log"));
        let least = ["upload", file.to_str().unwrap(), "--to", to, "--config", config.to_str().unwrap()];
        least.iter().chain(more).map(|text| (*text).to_owned()).collect()
    }
    fn upload(&self, to: &str, more: &[&str]) -> (Option<i32>, String) {
        let arguments = self.command(to, more);
        said(&arguments)
    }
}

fn stored(cloud: &Files) -> Option<Vec<u8>> {
    fs::read(cloud.folder.path().join(TO)).ok()
}

#[test]
fn a_file_arrives_whole_and_verified_under_either_spelling() {
    let file = content(1_000_000, 1);
    let device = Device::new(&file);
    let cloud = Files::start(&device.0);
    device.set_cloud(cloud.addr);
    for to in [TO.to_owned(), format!("gs://{TO}")] {
        let (code, said) = device.upload(&to, &[]);
        assert_eq!((code, said), (Some(0), format!("{to}: 1000000 bytes, verified by crc32c\n")), "no bar where there is no terminal");
        assert!(stored(&cloud).unwrap() == file);
        fs::remove_file(cloud.folder.path().join(TO)).unwrap();
    }
    fs::write(device.0.path("log"), "").unwrap();
    let (code, said) = device.upload(TO, &[]);
    assert_eq!((code, stored(&cloud)), (Some(0), Some(Vec::new())), "{said}");
}

#[test]
fn a_line_cut_at_many_places_brings_all_or_nothing() {
    let file = content(2_000_000, 2);
    let device = Device::new(&file);
    let cloud = Files::start(&device.0);
    let line = ChaosProxy::to(cloud.addr).unwrap();
    device.set_cloud(line.addr());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // In the head, at its end, and all over the body; then the line is mended.
            for (attempt, bytes) in (1..).zip([10, 700, 1_500, 90_000, 800_000, 1_999_999]) {
                line.cut_after(Direction::Up, Some(bytes));
                wait_until("the next attempt", || line.carried() >= attempt || is_over.load(Ordering::SeqCst));
                thread::sleep(Duration::from_millis(20));
                assert!(stored(&cloud).is_none(), "nothing of a cut upload is visible");
            }
            line.cut_after(Direction::Up, None);
        });
        let (code, said) = device.upload(TO, &["--retries", "20"]);
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(code, Some(0), "{said}");
    });
    assert!(stored(&cloud).unwrap() == file && line.carried() >= 7, "{} connections", line.carried());
}

#[test]
fn what_was_there_stays_when_the_line_never_gets_better() {
    let device = Device::new(&content(1_000_000, 3));
    let cloud = Files::start(&device.0);
    fs::create_dir_all(cloud.folder.path().join("logs/dev-1")).unwrap();
    fs::write(cloud.folder.path().join(TO), "old").unwrap();
    let line = ChaosProxy::to(cloud.addr).unwrap();
    line.cut_after(Direction::Up, Some(300_000));
    device.set_cloud(line.addr());
    let (code, said) = device.upload(TO, &["--retries", "2"]);
    assert!(code == Some(1) && said.contains("gave up after 3 attempts") && said.contains("when the line is better"), "{said}");
    assert_eq!((stored(&cloud).unwrap(), line.carried()), (b"old".to_vec(), 3));
}

#[test]
fn a_token_that_is_refused_is_made_anew_and_refused_twice_is_the_end() {
    let file = content(300_000, 4);
    let device = Device::new(&file);
    let cloud = Files::start(&device.0);
    device.set_cloud(cloud.addr);
    cloud.seen.lock().unwrap().refuse = vec![0];
    let (code, said) = device.upload(TO, &[]);
    assert!(code == Some(0) && stored(&cloud).unwrap() == file, "{said}");
    // A first refusal may be lost with the line that it closes: then one more attempt hears it.
    let tokens = |cloud: &Files| {
        let mut tokens = cloud.seen.lock().unwrap().tokens.clone();
        tokens.dedup();
        tokens.len()
    };
    let before = tokens(&cloud);
    assert!((2..=3).contains(&before), "{before}");
    cloud.seen.lock().unwrap().refuse = (2..99).collect();
    let (code, said) = device.upload(TO, &[]);
    assert!(code == Some(1) && said.contains("the server refuses with 401: token expired"), "{said}");
    assert!((2..=3).contains(&(tokens(&cloud) - before)), "{} after {before}", tokens(&cloud));
}

#[test]
fn what_cannot_succeed_ends_at_once_with_a_reason() {
    let device = Device::new(&content(1000, 5));
    let cloud = Files::start(&device.0);
    let (code, said) = device.upload(TO, &[]);
    assert!(code == Some(64) && said.contains("the configuration has no key `cloud`"), "{said}");
    device.set_cloud(cloud.addr);
    for (to, expected, says) in [
        ("files/x", 1, "the server refuses with 403: no object rule of registry `reg` lets device `dev-1` write `gs://files/x`"),
        ("logs/dev-2/x", 1, "lets device `dev-1` write"),
        ("logs/dev-1/../dev-2/x", 64, "without empty parts, `.` and `..`"),
        ("logs", 64, "it must be gs://BUCKET/OBJECT"),
        ("ftp://x/y", 64, "nothing can be uploaded to `ftp://x/y`"),
    ] {
        let (code, said) = device.upload(to, &[]);
        assert!(code == Some(expected) && said.contains(says), "{to}: {said}");
    }
    fs::write(device.0.path("log"), content(usize::try_from(MAX_UPLOAD_BYTES).unwrap() + 1, 6)).unwrap();
    let (code, said) = device.upload(TO, &["--retries", "3"]);
    assert!(code == Some(1) && said.contains("exceeds the limit of 4000000 bytes"), "{said}");
    fs::remove_file(device.0.path("log")).unwrap();
    let (code, said) = device.upload(TO, &[]);
    assert!(code == Some(1) && said.contains("log: No such file"), "{said}");
    let (code, said) = (run(&["upload", "/dev/null", "--to", TO, "--config", device.0.config().to_str().unwrap()], ""), "no regular file");
    assert!(code.status.code() == Some(1) && String::from_utf8_lossy(&code.stderr).contains(said));
}

#[test]
fn a_file_that_grows_while_it_is_sent_is_not_sent_as_if_it_were_whole() {
    let device = Device::new(&content(3_000_000, 7));
    let cloud = Files::start(&device.0);
    let line = ChaosProxy::to(cloud.addr).unwrap();
    line.black_hole();
    device.set_cloud(line.addr());
    let arguments = device.command(TO, &[]);
    let started = Command::new(BINARY).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the upload has begun", || line.live() > 0);
    fs::File::options().append(true).open(device.0.path("log")).unwrap().write_all(b"more").unwrap();
    line.restore();
    let Output { status, stderr, .. } = started.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.code() == Some(1) && said.contains("log was changed while it was sent"), "{said}");
    assert!(stored(&cloud).is_none());
}

#[test]
fn a_signed_url_gets_the_bytes_and_neither_token_nor_header_it_was_not_signed_with() {
    let device = Device::new(b"hello");
    let store = put(async |headers: HeaderMap, body: axum::body::Bytes| {
        assert!(!headers.contains_key("authorization") && !headers.contains_key("x-goog-hash"));
        assert_eq!((&body[..], headers["content-length"].to_str().unwrap()), (&b"hello"[..], "5"));
        [("x-goog-hash", "crc32c=mnG7TA==")]
    });
    let wrong = put(async || [("x-goog-hash", "crc32c=AAAAAA==")]);
    let addr = serve(Router::new().route("/signed", store).route("/wrong", wrong).route("/bare", put(async || "")));
    let (code, said) = device.upload(&format!("http://{addr}/signed?signature=secret"), &[]);
    assert_eq!((code, said), (Some(0), format!("http://{addr}/signed: 5 bytes, verified by crc32c\n")));
    let (code, said) = device.upload(&format!("http://{addr}/wrong"), &[]);
    assert!(code == Some(1) && said.contains("the crc32c of what the server has is 00000000, that of the file is 9a71bb4c"), "{said}");
    let (code, said) = device.upload(&format!("http://{addr}/bare"), &[]);
    assert!(code == Some(0) && said.contains("not verified"), "{said}");
}

#[test]
fn the_help_teaches() {
    let said = String::from_utf8(run(&["upload", "--help"], "").stdout).unwrap();
    for text in ["Examples:", "drawbridge-shim upload /var/log/app.log --to", "object rule", "Exit codes"] {
        assert!(said.contains(text), "{said}");
    }
}
