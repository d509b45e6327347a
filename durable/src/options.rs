//! What a store costs in memory and on disk.

use std::time::Duration;

/// Values of one store. The defaults are those measured on a Raspberry Pi's budget of tens of megabytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Size of a log segment in bytes: a power of two of at most 16 MiB. Default 512 KiB.
    ///
    /// The file grows and is reused by whole segments, two or three of them are buffered in memory, and a page larger
    /// than a quarter of one would leave the file for a blob that no sync covers.
    pub segment_bytes: usize,
    /// sled's page cache in bytes. Default 8 MiB. It is a target, not a bound.
    pub cache_bytes: u64,
    /// How often sled's own thread flushes and frees segments when nobody commits. Default 1 s.
    pub flush_every: Duration,
    /// The most entries a page can come to hold, from which [`value_limit_bytes`](Self::value_limit_bytes) follows.
    ///
    /// Default [`Options::LEAF_ENTRIES`], right for any tree. Whoever keeps fewer entries than that in each tree may
    /// say so, and store larger values.
    pub entries_per_page: usize,
}

impl Options {
    /// sled splits a leaf above 16 entries and may first merge three more into it.
    pub const LEAF_ENTRIES: usize = 20;

    /// What an entry costs in its page besides key and value, and what a page costs besides its entries.
    const ENTRY_OVERHEAD_BYTES: usize = 16;
    const PAGE_OVERHEAD_BYTES: usize = 1024;

    /// For records of up to 128 KiB each, such as device records: 16 MiB segments, 32 MiB of cache.
    #[must_use]
    pub fn for_records() -> Self {
        Self { segment_bytes: 16 << 20, cache_bytes: 32 << 20, ..Self::default() }
    }

    /// The most bytes of key and value together that one entry may have, so that a full page stays below a quarter of
    /// a segment and in the file that [`Store::commit`](crate::Store::commit) syncs. 6,486 bytes by default.
    #[must_use]
    pub fn value_limit_bytes(&self) -> usize {
        let page = (self.segment_bytes / 4).saturating_sub(Self::PAGE_OVERHEAD_BYTES);
        (page / self.entries_per_page.max(1)).saturating_sub(Self::ENTRY_OVERHEAD_BYTES)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 512 << 10, cache_bytes: 8 << 20, flush_every: Duration::from_secs(1), entries_per_page: Self::LEAF_ENTRIES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_limits_are_those_computed() {
        assert_eq!(Options::default().value_limit_bytes(), 6486);
        assert!(Options::for_records().value_limit_bytes() > 200 << 10);
        let eight = Options { entries_per_page: 8, ..Options::default() };
        assert_eq!(eight.value_limit_bytes(), 16_240);
    }
}
