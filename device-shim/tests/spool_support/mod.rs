//! What the spool's tests share: readings that can be checked, a child to kill, disks to cut and to fill.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

pub mod child;

use std::ops::Range;
use std::path::Path;

use device_shim::spool::sled::{FullPolicy, SledOptions, SledSpool};
use device_shim::spool::{Kind, PeekLimit, Reading, Seq, Spool, SpoolStats, Stored};

/// Generations of one segment or two, so that a test rolls.
pub const SMALL: SledOptions =
    SledOptions { generation_bytes: 1 << 20, quota_bytes: 1 << 30, when_full: FullPolicy::DropOldestGeneration, ballast_bytes: 1 << 16 };

/// A reading that says which one it is, in its capture time and in all of its payload of at least 8 bytes.
pub fn reading(n: u64, size: usize) -> Reading {
    let mut payload = n.to_le_bytes().to_vec();
    payload.resize(size.max(8), n as u8);
    let kind = Kind::Events { subfolder: "t".into() };
    Reading { kind, device: None, captured_at_ms: n, payload: payload.into(), properties: vec![] }
}

pub fn open(dir: &Path, options: SledOptions) -> SledSpool {
    SledSpool::open(dir, options).expect("opens")
}

/// Appends readings `from..to` of `size` bytes, `group` to a commit.
pub fn fill(spool: &mut SledSpool, from: u64, to: u64, size: usize, group: u64) {
    let mut next = from;
    while next < to {
        let end = to.min(next + group);
        let batch: Vec<Reading> = (next..end).map(|n| reading(n, size)).collect();
        spool.append(&batch).expect("taken");
        spool.commit().expect("durable");
        next = end;
    }
}

/// Everything held at `from` and after it.
pub fn all_from(spool: &mut dyn Spool, mut from: Seq) -> Vec<Stored> {
    let mut all = Vec::new();
    loop {
        let found = spool.peek(from, PeekLimit { readings: 300, bytes: 1 << 20 }).expect("read");
        let Some(last) = found.last() else { return all };
        from = last.seq + 1;
        all.extend(found);
    }
}

/// Invariant 5.
pub fn assert_exact(stats: &SpoolStats) {
    assert_eq!(stats.accepted, stats.delivered + stats.held + stats.evicted.total(), "{stats:?}");
}

/// `found` are the readings `seqs`, each intact and in its place.
pub fn assert_readings(found: &[Stored], seqs: Range<u64>) {
    assert_eq!(found.len() as u64, seqs.end - seqs.start, "{:?}..{:?}", found.first(), found.last());
    for (stored, seq) in found.iter().zip(seqs) {
        let Reading { captured_at_ms, payload, .. } = &stored.reading;
        assert_eq!((stored.seq, *captured_at_ms), (seq, seq));
        assert_eq!(payload[..8], seq.to_le_bytes());
        assert!(payload[8..].iter().all(|byte| *byte == seq as u8), "reading {seq} is not intact");
    }
}
