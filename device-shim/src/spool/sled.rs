//! The spool on disk: a chain of 64 MiB generations, each a sled database that is deleted whole once drained.
//!
//! A commit inserts records of up to 14 KiB, flushes, and syncs; the watermark of acknowledgements rides on it. With
//! nothing to append the watermark alone is saved, in place, in a file of two pages. A commit of less than 8 KiB is staged, and sealed into a record when 14 KiB are there. Each payload byte is so written
//! about once, and memory holds two or three generations' caches whatever the backlog.
//!
//! A full disk: the ballast's space opens what must be opened, and is asked for again before anything is appended.
//! Opening a closed generation to read it takes one segment, 512 KiB, until it is drained and deleted.
//!
//! The account: `accepted` is what the manifest counted before the youngest generation plus what that one holds,
//! `held` is what lies above the watermark in the generations listed, evictions are counted in the manifest in the same
//! write that takes a generation off the list, and `delivered` is the rest. So the sum is exact after any crash.

mod ballast;
mod batch;
mod chain;
mod fault;
mod generation;
mod manifest;
mod options;
mod position;
mod record;

use std::ops::Range;
use std::path::Path;

pub use options::{FullPolicy, SledOptions};

use self::batch::Batch;
use self::chain::{Cause, Chain};
use super::{PeekLimit, Reading, Rejected, Seq, Spool, SpoolError, SpoolStats, Stored};

/// A [`Spool`] in a folder of its own.
pub struct SledSpool {
    chain: Chain,
    options: SledOptions,
    /// Appended and not committed.
    pending: Batch,
    /// The place of the first of them.
    pending_first: Seq,
    rejected: Rejected,
}

impl SledSpool {
    /// Opens or creates the spool in `dir`, which must hold nothing else, and counts one boot. A damaged youngest
    /// generation is set aside; others are opened when they are read.
    ///
    /// # Errors
    /// [`SpoolError::Storage`] when the folder cannot be used, is in use, or an option is out of range;
    /// [`SpoolError::DiskFull`] when not even the ballast's space lets it open.
    pub fn open(dir: impl AsRef<Path>, options: SledOptions) -> Result<Self, SpoolError> {
        options.check()?;
        let chain = Chain::open(dir.as_ref(), &options)?;
        Ok(Self { chain, options, pending: Batch::default(), pending_first: 0, rejected: Rejected::default() })
    }

    fn over_quota(&self, more: usize) -> bool {
        self.chain.bytes() + (self.pending.bytes() + more) as u64 > self.options.quota_bytes
    }

    fn check_room(&mut self, batch: &[Reading]) -> Result<(), SpoolError> {
        let rejects = self.options.when_full == FullPolicy::RejectNew;
        if rejects && self.over_quota(batch.iter().map(Reading::cost).sum()) {
            self.rejected.quota += batch.len() as u64;
            return Err(SpoolError::QuotaFull { held_bytes: self.chain.bytes(), quota_bytes: self.options.quota_bytes });
        }
        let can_evict = !rejects && self.chain.held() > 0;
        if !can_evict && !self.chain.has_ballast() {
            self.rejected.disk_full += batch.len() as u64;
            return Err(SpoolError::DiskFull);
        }
        Ok(())
    }

    /// Gives up generations as long as that makes room which the pending readings need.
    fn make_room(&mut self) -> Result<(), SpoolError> {
        if self.options.when_full == FullPolicy::RejectNew {
            return Ok(());
        }
        if self.over_quota(0) {
            self.chain.delete_set_aside()?;
        }
        while self.over_quota(0) && self.chain.held() > 0 {
            self.chain.evict_oldest(Cause::Quota)?;
        }
        while !self.chain.has_ballast() {
            if self.chain.held() == 0 {
                return Err(SpoolError::DiskFull);
            }
            self.chain.evict_oldest(Cause::DiskFull)?;
        }
        Ok(())
    }
}

impl Spool for SledSpool {
    fn append(&mut self, batch: &[Reading]) -> Result<Range<Seq>, SpoolError> {
        for reading in batch {
            reading.check().inspect_err(|_| self.rejected.too_large += batch.len() as u64)?;
        }
        self.check_room(batch)?;
        if self.pending.is_empty() {
            self.pending_first = self.chain.end();
        }
        let first = self.pending_first + self.pending.len() as Seq;
        for reading in batch {
            self.pending.push(reading);
        }
        Ok(first..first + batch.len() as Seq)
    }

    fn commit(&mut self) -> Result<(), SpoolError> {
        if self.pending.is_empty() {
            return self.chain.save_watermark();
        }
        let pending = std::mem::take(&mut self.pending);
        self.make_room()?;
        self.chain.commit(&pending, self.pending_first)?;
        self.pending = pending;
        self.pending.clear();
        Ok(())
    }

    fn peek(&mut self, from: Seq, limit: PeekLimit) -> Result<Vec<Stored>, SpoolError> {
        self.chain.read(from, limit)
    }

    fn ack(&mut self, below: Seq) -> Result<(), SpoolError> {
        self.chain.retire(below)
    }

    fn saved(&self) -> Seq {
        self.chain.saved()
    }

    fn stats(&mut self) -> SpoolStats {
        let oldest = self.chain.read(0, PeekLimit { readings: 1, bytes: 0 }).unwrap_or_default();
        let manifest = self.chain.manifest();
        let (accepted, held) = (self.chain.accepted(), self.chain.held());
        SpoolStats {
            accepted,
            delivered: accepted - held - manifest.evicted.total(),
            held,
            evicted: manifest.evicted,
            rejected: self.rejected,
            bytes_on_disk: self.chain.bytes(),
            oldest_captured_at_ms: oldest.first().map(|stored| stored.reading.captured_at_ms),
            generations: manifest.generations.len() as u64,
            quarantined: manifest.quarantined,
            boot: manifest.boot,
            end: self.chain.end(),
        }
    }
}
