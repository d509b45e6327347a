//! `kill -9` at random moments: every record and every message that was answered is there afterwards.
//!
//! The test starts itself again as the writer, reads what it prints as answered, and kills it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use domain::Message;
use domain::ports::{Expect, Publisher, Written};
use domain::status::{DeviceStatus, ErrorStatus};
use infra_local::{SystemClock, TopicLog, TopicReader, sled_stores};
use protocol::TopicName;

const DIR: &str = "DRAWBRIDGE_TEST_KILL_DIR";
const ROUNDS: usize = 15;

fn topic() -> TopicName {
    "projects/p/topics/events".parse().unwrap()
}

fn status(count: u64) -> DeviceStatus {
    // Every seventh is larger than one entry, so that heads and parts are cut apart too.
    let filler = if count.is_multiple_of(7) { "x".repeat(200_000) } else { String::new() };
    DeviceStatus { last_error: Some(ErrorStatus { code: 0, message: format!("{count} {filler}") }), ..DeviceStatus::default() }
}

fn count(status: &DeviceStatus) -> u64 {
    status.last_error.as_ref().unwrap().message.split(' ').next().unwrap().parse().unwrap()
}

/// The writer: not a test of its own, it returns at once unless the killer set the folder.
#[tokio::test(flavor = "multi_thread")]
async fn writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let stores = sled_stores(&dir.join("records")).unwrap();
    let log = TopicLog::open(&dir.join("topics"), Arc::new(SystemClock)).unwrap();
    let found = stores.statuses.get("counter").await.unwrap();
    let mut expect = found.as_ref().map_or(Expect::Absent, |f| Expect::Version(f.version));
    let mut next = found.map_or(1, |f| count(&f.value) + 1);
    loop {
        let Written::Stored(version) = stores.statuses.put("counter", &status(next), expect).await.unwrap() else { panic!() };
        expect = Expect::Version(version);
        println!("\nrecord {next}");
        let message = Message { data: next.to_string().into(), attributes: domain::Attributes::default() };
        log.publish(&topic(), vec![message]).await.pop().unwrap().unwrap();
        println!("\nmessage {next}");
        next += 1;
    }
}

/// Runs the writer for a while and kills it. Answers the last record and the last message it said were safe.
fn run_and_kill(dir: &Path, alive: Duration) -> (u64, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer", "--exact", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let (mut record, mut message) = (0, 0);
        for line in lines.map_while(Result::ok) {
            match line.split_once(' ') {
                Some(("record", n)) => record = n.parse().unwrap_or(record),
                Some(("message", n)) => message = n.parse().unwrap_or(message),
                _ => {}
            }
        }
        (record, message)
    });
    std::thread::sleep(alive);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let (mut record, mut message) = (0, 0);
    for round in 0..ROUNDS {
        // Spread over start, steady state and everything between.
        let answered = run_and_kill(dir.path(), Duration::from_millis(60 + 37 * (round as u64 % 9)));
        (record, message) = (answered.0.max(record), answered.1.max(message));
        let stores = sled_stores(&dir.path().join("records")).unwrap();
        let kept = stores.statuses.get("counter").await.unwrap();
        let kept = kept.map_or(0, |k| count(&k.value));
        assert!(kept == record || kept == record + 1, "round {round}: record {record} was answered, {kept} is there");
        let mut reader = TopicReader::new(&dir.path().join("topics"), &topic(), 0);
        let mut last = 0;
        while let Ok(Some(entry)) = reader.next_entry() {
            last = String::from_utf8(entry.payload()).unwrap().parse().unwrap();
        }
        assert!(last >= message, "round {round}: message {message} was answered, {last} is the last one there");
    }
    assert!(record > 50 && message > 50, "the writer wrote: {record} records, {message} messages");
}
