//! Reading a generation from any place.

use super::{Generation, records_name, touch};
use crate::spool::sled::batch::decode;
use crate::spool::sled::fault::Fault;
use crate::spool::sled::record::{Content, Place, Record, key, place, unpack};
use crate::spool::{PeekLimit, Reading, Seq, Stored};

/// Readings found so far and how many more may be.
pub(in crate::spool::sled) struct Peeked {
    limit: PeekLimit,
    bytes: usize,
    pub(in crate::spool::sled) found: Vec<Stored>,
}

impl Peeked {
    pub(in crate::spool::sled) fn new(limit: PeekLimit) -> Self {
        Self { limit, bytes: 0, found: Vec::new() }
    }

    pub(in crate::spool::sled) fn is_full(&self) -> bool {
        let one = !self.found.is_empty();
        self.found.len() >= self.limit.readings.max(1) || (one && self.bytes >= self.limit.bytes)
    }

    fn push(&mut self, boot: u32, seq: Seq, reading: Reading) {
        self.bytes += reading.payload.len();
        self.found.push(Stored { boot, seq, reading });
    }
}

/// A reading in chunks, as far as it was read.
#[derive(Default)]
struct Partial {
    seq: Seq,
    next: u16,
    bytes: Vec<u8>,
}

impl Generation {
    /// Adds the readings at `from` and after it to `into` until it is full, and returns the place after the last one:
    /// [`end`](Self::end) unless it is full.
    pub(in crate::spool::sled) fn read(&self, from: Seq, into: &mut Peeked) -> Result<Seq, Fault> {
        let (mut from, mut partial) = (from, Partial::default());
        let start = self.trees.range(..=(from, 0)).next_back().or_else(|| self.trees.first()).copied();
        for tree in start.into_iter().flat_map(|start| self.trees.range(start..)) {
            if into.is_full() {
                return Ok(from);
            }
            for (place, record) in self.records(*tree, from)? {
                from = collect(place, record, from, &mut partial, into)?;
            }
        }
        for (seq, encoded) in self.staged.iter_from(from) {
            if into.is_full() {
                return Ok(from);
            }
            into.push(self.staged.boot, seq, decode(encoded)?);
            from = seq + 1;
        }
        Ok(from)
    }

    /// The records of one tree, from the one that holds `from`.
    fn records(&self, tree: Place, from: Seq) -> Result<Vec<(Place, Record)>, Fault> {
        let tree = self.store.tree(records_name(self.first, tree))?;
        let start = tree.at_or_before(key((from, 0)))?.map(|(key, _)| key.to_vec()).unwrap_or_default();
        let entries = tree.scan(start.as_slice().., usize::MAX)?;
        let entries = entries.iter().map(|(key, value)| {
            let place = place(key).ok_or_else(|| Fault::Damaged("a record without a place".into()))?;
            Ok((place, unpack(value)?))
        });
        let records = entries.collect();
        touch(&tree)?;
        records
    }
}

/// Adds what `record` holds at `from` and after it, and returns the next place to look for.
fn collect((first, chunk): Place, record: Record, from: Seq, partial: &mut Partial, into: &mut Peeked) -> Result<Seq, Fault> {
    let mut next = from;
    match record.content {
        Content::Packed(readings) => {
            for (seq, encoded) in (first..).zip(readings) {
                if seq >= next && !into.is_full() {
                    into.push(record.boot, seq, Reading::decode(encoded)?);
                    next = seq + 1;
                }
            }
        }
        Content::Chunk { of, bytes } if first >= from && !into.is_full() => {
            if chunk == 0 {
                *partial = Partial { seq: first, next: 0, bytes: Vec::new() };
            }
            if (first, chunk) != (partial.seq, partial.next) {
                return Err(Fault::Damaged(format!("chunk {chunk} of reading {first} is missing its predecessors")));
            }
            partial.bytes.extend_from_slice(&bytes);
            partial.next += 1;
            if partial.next == of {
                into.push(record.boot, first, Reading::decode(std::mem::take(&mut partial.bytes).into())?);
                next = first + 1;
            }
        }
        Content::Chunk { .. } => {}
    }
    Ok(next)
}
