//! One sled database of the chain.
//!
//! Trees: `q<place in the generation>` holds at most [`RECORDS_PER_TREE`] records, is never split nor rewritten, and is dropped whole;
//! `t<seq>` stages commits too small for a record; `state` holds the watermark. Nothing is dropped before what makes
//! it droppable is durable: staged readings after the commit of their record, trees after that of the watermark.

mod read;
mod recover;

use std::collections::BTreeSet;

use bytes::Buf;
use durable::{Store, Tree};

pub(super) use self::read::Peeked;
use super::batch::{Batch, Staged};
use super::fault::Fault;
use super::record::{Place, RECORD_BYTES, key, pack, pack_whole};
use crate::spool::Seq;

/// A sled leaf is split above 16 entries and rewritten after 10 changes: eight are written once.
pub(super) const RECORDS_PER_TREE: usize = 8;

/// Trees dropped with one commit, so that a long drain delays none: a commit of a group fills about three.
const DROPS_PER_COMMIT: usize = 8;

/// A commit of fewer bytes is staged instead of becoming a small record at once.
const STAGE_BELOW_BYTES: usize = 8 << 10;

/// sled looks at each of its cache's shards only after 64 accesses: without these the cache outgrows its bound.
const CACHE_TOUCHES: usize = 64;

const RECORDS: u8 = b'q';
const STAGING: u8 = b't';
const STATE: &str = "state";
const WATERMARK: &str = "watermark";

pub(super) struct Generation {
    store: Store,
    state: Tree,
    /// The first place of every record tree.
    trees: BTreeSet<Place>,
    /// The youngest record tree and how many records it has.
    filling: Option<(Tree, usize)>,
    staged: Staged,
    staging: Option<(Vec<u8>, Tree)>,
    /// Trees to drop with the next commit.
    doomed: Vec<Vec<u8>>,
    first: Seq,
    end: Seq,
    /// Durable here: everything below was acknowledged.
    watermark: Seq,
}

impl Generation {
    /// The place after the last committed reading.
    pub(super) fn end(&self) -> Seq {
        self.end
    }

    /// The acknowledged position as it was last made durable here.
    pub(super) fn watermark(&self) -> Seq {
        self.watermark
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.store.log_bytes().unwrap_or(0)
    }

    /// Makes `pending` and `watermark` durable with one flush. On `Err` this handle must not be used again.
    pub(super) fn commit(&mut self, boot: u32, pending: &Batch, watermark: Seq) -> Result<(), Fault> {
        for name in self.doomed.drain(..self.doomed.len().min(DROPS_PER_COMMIT)) {
            self.store.drop_tree(name)?;
        }
        if !pending.is_empty() {
            self.write(boot, pending)?;
        }
        if watermark != self.watermark {
            self.state.insert(WATERMARK, watermark.to_be_bytes().as_slice())?;
        }
        self.store.commit()?;
        self.end += pending.len() as Seq;
        self.watermark = watermark;
        self.doom_below(watermark);
        Ok(())
    }

    fn write(&mut self, boot: u32, pending: &Batch) -> Result<(), Fault> {
        if self.staged.boot != boot {
            self.seal(&Batch::default())?;
            self.staged.boot = boot;
        }
        let readings = self.staged.batch.len() + pending.len();
        let together = self.staged.batch.bytes() + pending.bytes() + 4 * readings;
        if pending.bytes() < STAGE_BELOW_BYTES && together < RECORD_BYTES - 64 { self.stage(pending) } else { self.seal(pending) }
    }

    fn stage(&mut self, pending: &Batch) -> Result<(), Fault> {
        if self.staged.batch.is_empty() {
            self.staged.first = self.end;
        }
        let staging = match &self.staging {
            Some((_, tree)) => tree,
            None => {
                let mut name = vec![STAGING];
                name.extend_from_slice(&self.end.to_be_bytes());
                let tree = self.store.tree(&name)?;
                &self.staging.insert((name, tree)).1
            }
        };
        staging.insert(key((self.end, 0)), pack_whole(self.staged.boot, pending))?;
        for reading in pending.iter_from(0) {
            self.staged.batch.push_encoded(reading);
        }
        Ok(())
    }

    /// Writes what is staged and `pending` as records; the staging tree goes with the commit after this one.
    fn seal(&mut self, pending: &Batch) -> Result<(), Fault> {
        let boot = self.staged.boot;
        let staged = std::mem::take(&mut self.staged);
        self.staged.boot = boot;
        let first = if staged.batch.is_empty() { self.end } else { staged.first.max(self.watermark) };
        let readings = staged.iter_from(first).map(|(_, reading)| reading).chain(pending.iter_from(0));
        pack(boot, first, readings, |place, record| self.put(place, record))?;
        self.doomed.extend(self.staging.take().map(|(name, _)| name));
        Ok(())
    }

    fn put(&mut self, place: Place, record: Vec<u8>) -> Result<(), Fault> {
        let (tree, records) = match self.filling.take() {
            Some((tree, records)) if records < RECORDS_PER_TREE => (tree, records),
            full => {
                if let Some((tree, _)) = full {
                    touch(&tree)?;
                }
                self.trees.insert(place);
                (self.store.tree(records_name(self.first, place))?, 0)
            }
        };
        tree.insert(key(place), record)?;
        self.filling = Some((tree, records + 1));
        Ok(())
    }

    /// Drops, with the next commits, what is wholly below `watermark`, which is durable. The youngest tree always stays: it says
    /// where this generation ends.
    pub(super) fn doom_below(&mut self, watermark: Seq) {
        while let (Some(oldest), Some(next)) = (self.trees.first().copied(), self.trees.iter().nth(1)) {
            if *next > (watermark, 0) {
                return;
            }
            self.trees.remove(&oldest);
            self.doomed.push(records_name(self.first, oldest));
        }
    }
}

fn touch(tree: &Tree) -> Result<(), Fault> {
    for _ in 0..CACHE_TOUCHES {
        tree.contains_key([0])?;
    }
    Ok(())
}

/// sled rewrites the list of all names for every tree: so they are short, five bytes unless a tree begins with a chunk.
fn records_name(first: Seq, (seq, chunk): Place) -> Vec<u8> {
    // A generation is closed long before it holds 2^32 readings.
    let mut name = vec![RECORDS];
    name.extend_from_slice(&((seq - first) as u32).to_be_bytes());
    if chunk > 0 {
        name.extend_from_slice(&chunk.to_be_bytes());
    }
    name
}

/// Reads back what [`records_name`] wrote.
fn place_of(first: Seq, name: &[u8]) -> Option<Place> {
    let (&RECORDS, mut rest) = name.split_first()? else {
        return None;
    };
    let seq = first + Seq::from(rest.try_get_u32().ok()?);
    Some((seq, if rest.is_empty() { 0 } else { rest.try_get_u16().ok()? }))
}
