//! The stage itself: no process left behind, no answer misread.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use stage::{Http, Process};

/// Answers each connection's first bytes with the next of `answers`, then closes it.
fn serve(answers: Vec<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _asked = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    addr
}

fn log(name: &str) -> PathBuf {
    let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // The last run's log is of no use to this one.
    let _gone = std::fs::remove_file(&log);
    log
}

#[test]
fn answers_are_read_by_length_by_chunks_and_to_the_end() {
    let addr = serve(vec![
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno \r\nA\r\nsuch thing\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall there is",
    ]);
    let mut http = Http::to(addr);
    assert_eq!(http.get("/").unwrap().json().unwrap()["a"], 1);
    // The kept connection was closed by the server: the client connects again.
    let missing = http.get("/").unwrap();
    assert_eq!((missing.status, missing.text().as_str()), (404, "no such thing"));
    assert_eq!(missing.success("asking").unwrap_err().to_string(), "asking: HTTP 404: no such thing");
    assert_eq!(http.get("/").unwrap().text(), "all there is");
}

#[test]
fn a_process_ends_with_its_value() {
    let process = Process::start("sleep", Command::new("sleep").arg("60"), &log("sleep.log")).unwrap();
    let proc_entry = PathBuf::from(format!("/proc/{}", process.pid()));
    assert!(proc_entry.exists());
    let start = Instant::now();
    drop(process);
    assert!(!proc_entry.exists(), "SIGTERM ended it and it was waited for");
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_process_that_ends_early_is_an_error_that_quotes_its_log() {
    let mut command = Command::new("sh");
    let mut process = Process::start("shell", command.args(["-c", "echo no key >&2; exit 64"]), &log("shell.log")).unwrap();
    let error = process.wait_for("answer", Duration::from_secs(5), || Ok(None::<()>)).unwrap_err().to_string();
    assert!(error.contains("exit status: 64") && error.contains("no key"), "{error}");
}
