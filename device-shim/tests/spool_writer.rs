//! The asynchronous front: groups, back-pressure, failures, and the end.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod spool_support;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use device_shim::spool::memory::MemorySpool;
use device_shim::spool::{PeekLimit, Reading, Seq, Spool, SpoolError, SpoolStats, Stored, Writer, WriterOptions};
use spool_support::reading;

/// A spool in memory whose flush takes 10 ms, and fails while `broken` is above zero, once for each.
#[derive(Default)]
struct Slow {
    inner: MemorySpool,
    appended: u64,
    commits: Arc<AtomicU64>,
    broken: Arc<AtomicU64>,
}

impl Spool for Slow {
    fn append(&mut self, batch: &[Reading]) -> Result<Range<Seq>, SpoolError> {
        self.appended += batch.len() as u64;
        self.inner.append(batch)
    }

    fn commit(&mut self) -> Result<(), SpoolError> {
        if self.appended > 0 {
            std::thread::sleep(Duration::from_millis(10));
            self.commits.fetch_add(1, Ordering::SeqCst);
            self.appended = 0;
        }
        let fails = |broken: u64| broken.checked_sub(1);
        match self.broken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails) {
            Ok(_) => Err(SpoolError::DiskFull),
            Err(_) => self.inner.commit(),
        }
    }

    fn peek(&mut self, from: Seq, limit: PeekLimit) -> Result<Vec<Stored>, SpoolError> {
        self.inner.peek(from, limit)
    }

    fn ack(&mut self, below: Seq) -> Result<(), SpoolError> {
        self.inner.ack(below)
    }

    fn saved(&self) -> Seq {
        self.inner.saved()
    }

    fn stats(&mut self) -> SpoolStats {
        self.inner.stats()
    }
}

async fn append_all(writer: &Writer, count: u64, size: usize) -> Vec<Result<Range<Seq>, SpoolError>> {
    let tasks: Vec<_> = (0..count)
        .map(|n| {
            let writer = writer.clone();
            tokio::spawn(async move { writer.append(vec![reading(n, size)]).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("ended"));
    }
    answers
}

#[tokio::test]
async fn what_arrives_during_a_flush_shares_the_next_one() {
    let slow = Slow::default();
    let commits = Arc::clone(&slow.commits);
    let (writer, _) = Writer::start(Box::new(slow), WriterOptions::default()).expect("started");
    assert!(append_all(&writer, 500, 100).await.iter().all(Result::is_ok));
    let commits = commits.load(Ordering::SeqCst);
    assert!(commits < 20, "500 readings took {commits} commits");
}

#[tokio::test]
async fn a_full_queue_makes_senders_wait_and_loses_nothing() {
    let options = WriterOptions { queue_bytes: 10_000, queue_requests: 4, ..WriterOptions::default() };
    let (writer, _) = Writer::start(Box::new(Slow::default()), options).expect("started");
    let answers = append_all(&writer, 60, 1_000).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert!(writer.waits() > 0);
    assert_eq!(writer.stats().await.expect("open").accepted, 60);
    let larger_than_the_queue = writer.append(vec![reading(0, 50_000)]).await;
    assert!(larger_than_the_queue.is_ok());
}

#[tokio::test]
async fn a_failed_flush_is_answered_and_the_next_one_works() {
    let slow = Slow::default();
    slow.broken.store(1, Ordering::SeqCst);
    let (writer, _) = Writer::start(Box::new(slow), WriterOptions::default()).expect("started");
    assert_eq!(writer.append(vec![reading(0, 10)]).await, Err(SpoolError::DiskFull));
    assert!(writer.append(vec![reading(1, 10)]).await.is_ok());
    let refused = writer.append(vec![reading(2, (256 << 10) + 1)]).await;
    assert!(matches!(refused, Err(SpoolError::Reading(_))), "{refused:?}");
}

#[tokio::test]
async fn the_tail_wakes_when_something_is_durable_and_ends_with_the_writers() {
    let (writer, thread) = Writer::start(Box::new(MemorySpool::new()), WriterOptions::default()).expect("started");
    let mut tail = writer.tail();
    let waiting = tokio::spawn(async move {
        let end = tail.wait(0).await.expect("open");
        (end, tail.peek(0, PeekLimit::default()).await.expect("read").len())
    });
    writer.append(vec![reading(0, 10), reading(1, 10)]).await.expect("durable");
    assert_eq!(waiting.await.expect("ended"), (2, 2));
    drop(writer);
    thread.join().expect("the thread ends when nobody can ask any more");
}
