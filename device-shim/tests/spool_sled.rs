//! The spool on a real disk, through its public face.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod spool_support;

use std::fs;
use std::path::Path;

use device_shim::spool::sled::{FullPolicy, SledOptions};
use device_shim::spool::{PeekLimit, Spool, SpoolError, Writer, WriterOptions};
use spool_support::{SMALL, all_from, assert_exact, assert_readings, fill, open, reading};

#[test]
fn readings_of_every_size_come_back_in_order_after_reopening() {
    let dir = tempfile::tempdir().expect("a folder");
    let sizes = [8, 200, 5_000, 13_000, 14_400, 60_000, 256 << 10];
    let mut spool = open(dir.path(), SMALL);
    for n in 0..70 {
        spool.append(&[reading(n, sizes[n as usize % sizes.len()])]).expect("taken");
        if n % 3 == 0 {
            spool.commit().expect("durable");
        }
    }
    spool.commit().expect("durable");
    assert_readings(&all_from(&mut spool, 0), 0..70);
    drop(spool);

    let mut spool = open(dir.path(), SMALL);
    let found = all_from(&mut spool, 0);
    assert_readings(&found, 0..70);
    assert!(found.iter().all(|stored| stored.boot == 1));
    for (n, stored) in found.iter().enumerate() {
        assert_eq!(stored.reading.payload.len(), sizes[n % sizes.len()]);
    }
    let blobs = walk(dir.path()).into_iter().filter(|path| path.contains("/blobs/")).count();
    assert_eq!(blobs, 0, "no value may become a blob file");
}

fn walk(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("read").map(|entry| entry.expect("entry").path()) {
        if entry.is_dir() {
            found.extend(walk(&entry));
        } else {
            found.push(entry.display().to_string());
        }
    }
    found
}

#[test]
fn single_readings_are_staged_sealed_and_found_across_boots() {
    let dir = tempfile::tempdir().expect("a folder");
    for boot in 0..4 {
        let mut spool = open(dir.path(), SMALL);
        fill(&mut spool, boot * 100, (boot + 1) * 100, 200, 1);
        assert_exact(&spool.stats());
    }
    let mut spool = open(dir.path(), SMALL);
    let found = all_from(&mut spool, 0);
    assert_readings(&found, 0..400);
    assert!(found.iter().all(|stored| u64::from(stored.boot) == stored.seq / 100 + 1));
    assert_eq!(spool.stats().boot, 5);
}

#[test]
fn drained_generations_are_deleted_and_the_account_survives() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = open(dir.path(), SMALL);
    fill(&mut spool, 0, 20_000, 300, 256);
    let before = spool.stats();
    assert!(before.generations >= 4, "{before:?}");
    assert_readings(&all_from(&mut spool, 0), 0..20_000);
    for below in (0..19_000).step_by(500) {
        spool.ack(below).expect("acknowledged");
    }
    let after = spool.stats();
    assert_eq!((after.accepted, after.delivered, after.held), (20_000, 18_500, 1_500));
    assert!(after.bytes_on_disk < before.bytes_on_disk / 3, "{after:?}");
    assert_eq!(after.oldest_captured_at_ms, Some(18_500));
    drop(spool);

    let mut spool = open(dir.path(), SMALL);
    let stats = spool.stats();
    assert_exact(&stats);
    assert!(stats.delivered + 1_024 > 18_500, "the watermark was saved: {stats:?}");
    assert_readings(&all_from(&mut spool, stats.delivered), stats.delivered..20_000);
}

#[test]
fn a_steady_flow_reuses_its_space() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = open(dir.path(), SledOptions { generation_bytes: 64 << 20, ..SMALL });
    for round in 0..200 {
        fill(&mut spool, round * 256, (round + 1) * 256, 200, 256);
        spool.ack((round + 1) * 256 - 100).expect("acknowledged");
    }
    let stats = spool.stats();
    assert!(stats.bytes_on_disk < 6 << 20, "10 MB went through: {stats:?}");
    assert_readings(&all_from(&mut spool, 0), 51_100..51_200);
}

#[test]
fn a_full_quota_drops_the_oldest_generation_and_counts() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = SledOptions { quota_bytes: 4 << 20, ..SMALL };
    let mut spool = open(dir.path(), options);
    fill(&mut spool, 0, 40_000, 300, 256);
    let stats = spool.stats();
    assert_exact(&stats);
    assert_eq!(stats.accepted, 40_000);
    assert!(stats.evicted.quota > 20_000 && stats.bytes_on_disk <= 5 << 20, "{stats:?}");
    assert_readings(&all_from(&mut spool, 0), stats.evicted.quota..40_000);
    drop(spool);
    assert_eq!(open(dir.path(), options).stats().evicted, stats.evicted);
}

#[test]
fn a_full_quota_rejects_new_readings_when_told_to() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = SledOptions { quota_bytes: 2 << 20, when_full: FullPolicy::RejectNew, ..SMALL };
    let mut spool = open(dir.path(), options);
    let mut taken = 0;
    let refusal = loop {
        match spool.append(&[reading(taken, 10_000)]) {
            Ok(_) => spool.commit().expect("durable"),
            Err(refusal) => break refusal,
        }
        taken += 1;
    };
    assert!(matches!(refusal, SpoolError::QuotaFull { quota_bytes, .. } if quota_bytes == 2 << 20));
    let stats = spool.stats();
    assert_eq!((stats.accepted, stats.held, stats.rejected.quota), (taken, taken, 1));
    spool.ack(taken).expect("acknowledged");
    spool.append(&[reading(taken, 10_000)]).expect("room again");
}

#[test]
fn a_damaged_generation_is_set_aside_and_the_others_are_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = open(dir.path(), SMALL);
    fill(&mut spool, 0, 20_000, 300, 256);
    drop(spool);
    let mut generations: Vec<_> = fs::read_dir(dir.path())
        .expect("read")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.join("conf").exists())
        .collect();
    generations.sort();
    for damaged in [generations.first(), generations.last()].into_iter().flatten() {
        fs::write(damaged.join("conf"), "segment_size: nonsense, and no checksum").expect("damaged");
    }

    let mut spool = open(dir.path(), SMALL);
    let found = all_from(&mut spool, 0);
    let stats = spool.stats();
    assert_exact(&stats);
    assert_eq!(stats.quarantined, 2);
    assert!(stats.evicted.corrupt > 3_000 && stats.held > 8_000, "{stats:?}");
    assert_eq!(found.len() as u64, stats.held);
    let places = spool.append(&[reading(1, 10)]).expect("taken");
    assert!(places.start > 20_000, "a place that was given is not given again");
    spool.commit().expect("durable");
    assert_eq!(all_from(&mut spool, places.start).len(), 1);
}

#[tokio::test]
async fn many_callers_share_commits_and_the_tail_sees_what_is_durable() {
    let dir = tempfile::tempdir().expect("a folder");
    let spool = Box::new(open(dir.path(), SMALL));
    let (writer, thread) = Writer::start(spool, WriterOptions::default()).expect("started");
    let mut tail = writer.tail();
    let callers: Vec<_> = (0..32_u64)
        .map(|caller| {
            let writer = writer.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    writer.append(vec![reading(caller * 20 + n, 200)]).await.expect("durable");
                }
            })
        })
        .collect();
    let mut next = 0;
    while next < 640 {
        tail.wait(next).await.expect("open");
        let found = tail.peek(next, PeekLimit::default()).await.expect("read");
        next = found.last().expect("something was committed").seq + 1;
        tail.ack(next).await.expect("acknowledged");
    }
    for caller in callers {
        caller.await.expect("ended");
    }
    let stats = writer.stats().await.expect("open");
    assert_eq!((stats.accepted, stats.delivered, stats.held), (640, 640, 0));
    drop((writer, tail));
    thread.join().expect("ended");
    assert_eq!(open(dir.path(), SMALL).stats().delivered, 640, "closing saved the watermark");
}

#[tokio::test]
async fn an_acknowledged_position_waits_for_a_commit_until_half_a_window_waits_with_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = WriterOptions { ack_every: 50, ack_within: std::time::Duration::from_secs(3_600), ..WriterOptions::default() };
    let (writer, _thread) = Writer::start(Box::new(open(dir.path(), SMALL)), options).expect("started");
    writer.append((0..100).map(|n| reading(n, 200)).collect()).await.expect("durable");
    let mut tail = writer.tail();
    tail.ack(49).await.expect("taken");
    writer.stats().await.expect("open");
    assert_eq!(tail.saved(), 0, "49 wait");
    tail.ack(50).await.expect("taken");
    tail.saved_moved().await.expect("open");
    assert_eq!(tail.saved(), 50, "50 do not");
    tail.ack(60).await.expect("taken");
    writer.append(vec![reading(100, 200)]).await.expect("durable");
    writer.stats().await.expect("open");
    assert_eq!(tail.saved(), 60, "it rode on a commit");
}
