//! Encoded readings side by side in one buffer: what waits for a commit, and what is staged.

use bytes::Bytes;

use crate::spool::{Reading, ReadingError, Seq};

/// Consecutive readings, encoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each reading ends in `bytes`.
    ends: Vec<usize>,
}

impl Batch {
    pub(super) fn push(&mut self, reading: &Reading) {
        reading.encode(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn push_encoded(&mut self, reading: &[u8]) {
        self.bytes.extend_from_slice(reading);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all readings.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The encoded readings from the `skip`-th on.
    pub(super) fn iter_from(&self, skip: usize) -> impl Iterator<Item = &[u8]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).skip(skip).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// Readings in the staging tree, with a copy in memory: they become a record once there are enough of them.
#[derive(Debug, Default)]
pub(super) struct Staged {
    pub(super) boot: u32,
    pub(super) first: Seq,
    pub(super) batch: Batch,
}

impl Staged {
    /// The encoded readings at `from` and after it, with their places.
    pub(super) fn iter_from(&self, from: Seq) -> impl Iterator<Item = (Seq, &[u8])> + Clone {
        let from = from.max(self.first);
        let skip = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        (from..).zip(self.batch.iter_from(skip))
    }
}

/// Decodes a reading from borrowed bytes.
pub(super) fn decode(encoded: &[u8]) -> Result<Reading, ReadingError> {
    Reading::decode(Bytes::copy_from_slice(encoded))
}
