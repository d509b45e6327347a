//! Keeps readings from the moment they are accepted until the cloud has them.
//!
//! # Promise
//! - Once [`Spool::commit`] returns `Ok`, the readings appended before it survive `kill -9` and a power cut
//!   (the [`memory`] spool, for tests, keeps every promise but this one).
//! - Readings leave in [`Seq`] order. `(boot, seq)` names a reading for ever: `seq` never goes back in the life of a
//!   spool, `boot` grows by one each time it is opened.
//! - Nothing is lost but by a declared policy, and that is counted:
//!   `accepted = delivered + held + evicted (by cause)`, exactly, across restarts ([`SpoolStats`]).
//! - Memory does not grow with what is held; bytes on disk do not exceed the quota by more than one group.
//!
//! # Not promised
//! - Exactly once. What was acknowledged and not yet saved is delivered again after a crash. [`Spool::saved`] says how far it
//!   is saved; the drain counts its window from there, so that a crash repeats at most a window.
//! - That a reading whose commit failed is gone: after a power cut it may be found and delivered.
//! - A damaged generation is set aside whole: at most 64 MB of readings, counted as evicted by corruption.
//!
//! [`Writer`] is the asynchronous front of a spool; [`Tail`] is what the drain holds.

pub mod memory;
pub mod sled;

mod error;
mod reading;
mod stats;
mod writer;

use std::ops::Range;

pub use error::{ReadingError, SpoolError};
pub use reading::{Kind, MAX_META_BYTES, MAX_PAYLOAD_BYTES, Reading};
pub use stats::{Evicted, Rejected, SpoolStats};
pub use writer::{Tail, Writer, WriterOptions};

/// The place of a reading in its spool: 0, 1, 2, … A corruption may leave a gap; it never goes back.
pub type Seq = u64;

/// A reading that is held, with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Which opening of the spool accepted it: 1, 2, 3, …
    pub boot: u32,
    /// Its place in the spool.
    pub seq: Seq,
    /// What was accepted.
    pub reading: Reading,
}

/// How much a [`Spool::peek`] may return; it returns at least one reading when one is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeekLimit {
    /// The most readings.
    pub readings: usize,
    /// Payload bytes after which no further reading is added.
    pub bytes: usize,
}

impl Default for PeekLimit {
    /// 1,000 readings or 1 MiB of payload, whichever comes first.
    fn default() -> Self {
        Self { readings: 1_000, bytes: 1 << 20 }
    }
}

/// A durable queue of readings with one writer and one reader, both on the calling thread.
///
/// Every method may block for as long as the disk takes. None panics on what the disk holds.
pub trait Spool: Send {
    /// Takes `batch` into memory and returns the places its readings have: all of them or, on `Err`, none.
    /// They are neither durable nor visible to [`peek`](Self::peek) before [`commit`](Self::commit). Asks the disk only while it is full.
    ///
    /// # Errors
    /// [`SpoolError::Reading`] when one exceeds a limit; [`SpoolError::QuotaFull`] or [`SpoolError::DiskFull`] when
    /// there is no room and the policy is to reject. The caller may try again later.
    fn append(&mut self, batch: &[Reading]) -> Result<Range<Seq>, SpoolError>;

    /// Makes everything appended and acknowledged so far durable, with one flush. Costs nothing when there is nothing
    /// to save, and needs no space on the disk when there are only acknowledgements.
    ///
    /// # Errors
    /// [`SpoolError::DiskFull`] or [`SpoolError::Storage`]: nothing appended since the last commit is promised, and
    /// its places may be given to other readings. The spool remains usable: it repairs itself before the next commit.
    fn commit(&mut self) -> Result<(), SpoolError>;

    /// The committed readings at `from` and after it, oldest first, up to `limit`. Empty means that none is there.
    /// When `from` is no longer held it starts at the oldest that is.
    ///
    /// # Errors
    /// [`SpoolError::Storage`] when the disk cannot be read now. Damage is not an error: the damaged generation is
    /// set aside and counted, and the readings after it are returned.
    fn peek(&mut self, from: Seq, limit: PeekLimit) -> Result<Vec<Stored>, SpoolError>;

    /// Gives up every reading below `below`: the cloud has them. Durable with the next [`commit`](Self::commit). Lower than
    /// an earlier call: nothing happens; higher than what is committed: counts as all that is.
    ///
    /// # Errors
    /// [`SpoolError::Storage`] when a drained generation could not be put away: ask again. Never for want of space.
    fn ack(&mut self, below: Seq) -> Result<(), SpoolError>;

    /// Every reading below this place was given up, and that is durable: no crash brings it back. It never goes back.
    fn saved(&self) -> Seq;

    /// What the spool has done and holds. Reads at most one reading.
    fn stats(&mut self) -> SpoolStats;
}
