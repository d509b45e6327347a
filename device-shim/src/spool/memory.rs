//! A spool for tests: every promise but durability.

use std::collections::VecDeque;
use std::ops::Range;

use super::{PeekLimit, Reading, Rejected, Seq, Spool, SpoolError, SpoolStats, Stored};

/// Holds readings in a queue. Rejects above [`MemorySpool::with_quota`]'s bytes; without a quota it takes all.
#[derive(Default)]
pub struct MemorySpool {
    held: VecDeque<Stored>,
    appended: Vec<Stored>,
    /// The next place to give, and the first one not acknowledged.
    next: Seq,
    acknowledged: Seq,
    bytes: u64,
    quota_bytes: Option<u64>,
    rejected: Rejected,
    boot: u32,
}

impl MemorySpool {
    /// An empty spool in its first boot.
    #[must_use]
    pub fn new() -> Self {
        Self { boot: 1, ..Self::default() }
    }

    /// An empty spool that rejects what would bring its payload bytes above `quota_bytes`.
    #[must_use]
    pub fn with_quota(quota_bytes: u64) -> Self {
        Self { quota_bytes: Some(quota_bytes), ..Self::new() }
    }

    fn check(&mut self, batch: &[Reading]) -> Result<u64, SpoolError> {
        let count = batch.len() as u64;
        for reading in batch {
            reading.check().inspect_err(|_| self.rejected.too_large += count)?;
        }
        let bytes = self.bytes + batch.iter().map(|reading| reading.payload.len() as u64).sum::<u64>();
        match self.quota_bytes {
            Some(quota_bytes) if bytes > quota_bytes => {
                self.rejected.quota += count;
                Err(SpoolError::QuotaFull { held_bytes: self.bytes, quota_bytes })
            }
            _ => Ok(bytes),
        }
    }
}

impl Spool for MemorySpool {
    fn append(&mut self, batch: &[Reading]) -> Result<Range<Seq>, SpoolError> {
        self.bytes = self.check(batch)?;
        let first = self.next;
        for reading in batch {
            self.appended.push(Stored { boot: self.boot, seq: self.next, reading: reading.clone() });
            self.next += 1;
        }
        Ok(first..self.next)
    }

    fn commit(&mut self) -> Result<(), SpoolError> {
        self.held.extend(self.appended.drain(..));
        Ok(())
    }

    fn peek(&mut self, from: Seq, limit: PeekLimit) -> Result<Vec<Stored>, SpoolError> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        let start = self.held.partition_point(|stored| stored.seq < from);
        for stored in self.held.range(start..).take(limit.readings) {
            if bytes >= limit.bytes && !found.is_empty() {
                break;
            }
            bytes += stored.reading.payload.len();
            found.push(stored.clone());
        }
        Ok(found)
    }

    fn ack(&mut self, below: Seq) -> Result<(), SpoolError> {
        while let Some(stored) = self.held.pop_front_if(|stored| stored.seq < below) {
            self.bytes -= stored.reading.payload.len() as u64;
            self.acknowledged = stored.seq + 1;
        }
        Ok(())
    }

    fn saved(&self) -> Seq {
        self.acknowledged
    }

    fn stats(&mut self) -> SpoolStats {
        let held = self.held.len() as u64;
        SpoolStats {
            accepted: self.acknowledged + held,
            delivered: self.acknowledged,
            held,
            rejected: self.rejected,
            bytes_on_disk: self.bytes,
            oldest_captured_at_ms: self.held.front().map(|stored| stored.reading.captured_at_ms),
            generations: 1,
            boot: self.boot,
            end: self.acknowledged + held,
            ..SpoolStats::default()
        }
    }
}
