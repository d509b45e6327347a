//! `kill -9` and power cuts at random moments: every record and every message that was answered is there afterwards.
//!
//! The test starts itself again as the writer, reads what it prints as answered, and kills it, or shuts its file system
//! down without flushing and mounts it again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::Message;
use domain::ports::{Expect, Publisher, Written};
use domain::status::{DeviceStatus, ErrorStatus};
use infra_local::{SystemClock, TopicLog, TopicReader, sled_stores};
use loop_disk::Disk;
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
        // An error is the end of the disk.
        let Ok(Written::Stored(version)) = stores.statuses.put("counter", &status(next), expect).await else { return };
        expect = Expect::Version(version);
        println!("\nrecord {next}");
        let message = Message { data: next.to_string().into(), attributes: domain::Attributes::default() };
        if log.publish(&topic(), vec![message]).await.pop().unwrap().is_err() {
            return;
        }
        println!("\nmessage {next}");
        next += 1;
    }
}

/// What the writer said was safe: the last record and the last message.
type Answered = (u64, u64);

/// A running writer.
struct Victim {
    child: Child,
    said: JoinHandle<Answered>,
    answers: Arc<AtomicU64>,
}

impl Victim {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["writer", "--exact", "--nocapture"])
            .env(DIR, dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let answers = Arc::new(AtomicU64::new(0));
        let count = answers.clone();
        let said = std::thread::spawn(move || {
            let (mut record, mut message) = (0, 0);
            for line in lines.map_while(Result::ok) {
                match line.split_once(' ') {
                    Some(("record", n)) => record = n.parse().unwrap_or(record),
                    Some(("message", n)) => message = n.parse().unwrap_or(message),
                    _ => continue,
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
            (record, message)
        });
        Self { child, said, answers }
    }

    /// Every third writer dies while it starts, the others in the middle of their work, at a moment that differs.
    fn live(&self, round: usize) {
        if !round.is_multiple_of(3) {
            let enough = 10 + round as u64;
            let deadline = Instant::now() + Duration::from_secs(20);
            while self.answers.load(Ordering::Relaxed) < enough {
                assert!(Instant::now() < deadline, "the writer answered nothing for 20 s");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        std::thread::sleep(Duration::from_micros(1_700 * (round as u64 % 7)));
    }

    fn kill(mut self) -> Answered {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said.join().unwrap()
    }
}

/// Opens what was left and looks for everything that was answered. Answers what is there: a write that was durable and not answered counts from now on.
async fn check(dir: &Path, (record, message): Answered) -> Answered {
    let stores = sled_stores(&dir.join("records")).unwrap();
    let kept = stores.statuses.get("counter").await.unwrap();
    let kept = kept.map_or(0, |k| count(&k.value));
    assert!(kept == record || kept == record + 1, "record {record} was answered, {kept} is there");
    // As the next start would: a torn last line is cut off.
    let log = TopicLog::open(&dir.join("topics"), Arc::new(SystemClock)).unwrap();
    let probe = Message { data: "0".into(), attributes: domain::Attributes::default() };
    log.publish(&topic(), vec![probe]).await.pop().unwrap().unwrap();
    let mut reader = TopicReader::new(&dir.join("topics"), &topic(), 0);
    let entries = std::iter::from_fn(|| reader.next_entry().unwrap());
    let last = entries.map(|e| String::from_utf8(e.payload()).unwrap().parse::<u64>().unwrap()).max();
    let last = last.unwrap();
    assert!(last >= message, "message {message} was answered, {last} is the last one there");
    (kept, last)
}

fn later(a: Answered, b: Answered) -> Answered {
    (a.0.max(b.0), a.1.max(b.1))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut answered = (0, 0);
    for round in 0..ROUNDS {
        let victim = Victim::start(dir.path());
        victim.live(round);
        answered = check(dir.path(), later(answered, victim.kill())).await;
    }
    assert!(answered.0 > 50 && answered.1 > 50, "the writer wrote: {answered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_survives_a_power_cut() {
    let Some(disk) = Disk::ext4(512) else { return };
    let dir = disk.path().join("data");
    std::fs::create_dir_all(&dir).unwrap();
    let mut answered = (0, 0);
    for round in 0..ROUNDS {
        let victim = Victim::start(&dir);
        victim.live(round);
        disk.cut(|| answered = later(answered, victim.kill()));
        answered = check(&dir, answered).await;
    }
    assert!(answered.0 > 50 && answered.1 > 50, "the writer wrote: {answered:?}");
}
