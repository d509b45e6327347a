//! What a spool may take and what it does when it may take no more.

use std::time::Duration;

use durable::Options;

use super::generation::RECORDS_PER_TREE;
use crate::spool::SpoolError;

/// What to do when the quota or the disk is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FullPolicy {
    /// Give up the oldest generation, counted in [`Evicted`](crate::spool::Evicted), and take the new reading.
    #[default]
    DropOldestGeneration,
    /// Refuse the new reading, counted in [`Rejected`](crate::spool::Rejected), and keep what is held.
    RejectNew,
}

/// Bounds of a spool on disk. The generation size may change between runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SledOptions {
    /// Bytes after which a generation is closed and the next one begun; also the most that one corruption can cost
    /// and that one eviction gives up. Default 64 MiB.
    pub generation_bytes: u64,
    /// Bytes that all generations may take, at least twice [`generation_bytes`](Self::generation_bytes).
    /// Default 2 GiB.
    pub quota_bytes: u64,
    /// What happens when they do. Default [`FullPolicy::DropOldestGeneration`].
    pub when_full: FullPolicy,
    /// Bytes set aside so that the spool can be opened and repaired when the disk is full. Default 8 MiB.
    pub ballast_bytes: u64,
}

impl Default for SledOptions {
    fn default() -> Self {
        Self { generation_bytes: 64 << 20, quota_bytes: 2 << 30, when_full: FullPolicy::default(), ballast_bytes: 8 << 20 }
    }
}

impl SledOptions {
    pub(super) fn check(&self) -> Result<(), SpoolError> {
        if self.quota_bytes < 2 * self.generation_bytes {
            return Err(SpoolError::Storage(format!(
                "a quota of {} bytes is less than two generations of {} bytes",
                self.quota_bytes, self.generation_bytes
            )));
        }
        Ok(())
    }
}

/// One generation's database: 512 KiB segments, 8 MiB of cache, no page of more than eight records, and a background
/// flush that seldom adds to those of the commits.
pub(super) fn store_options() -> Options {
    Options { entries_per_page: RECORDS_PER_TREE, flush_every: Duration::from_secs(5), ..Options::default() }
}
