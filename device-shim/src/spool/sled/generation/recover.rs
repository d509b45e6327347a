//! Opening a generation: where it ends, what is staged, what a crash left to drop.

use std::path::Path;

use bytes::Buf;
use durable::{Store, Tree};

use super::{Generation, RECORDS, STAGING, STATE, WATERMARK, place_of, records_name};
use crate::spool::Seq;
use crate::spool::sled::batch::Staged;
use crate::spool::sled::fault::Fault;
use crate::spool::sled::options::store_options;
use crate::spool::sled::record::{Content, place, unpack};

/// What the last record of a tree says.
enum LastRecord {
    /// The readings before this place are whole.
    Ends(Seq),
    /// A chunk whose successors were not written when the power went: nobody was promised it.
    Torn(durable::Value),
    Missing,
}

impl Generation {
    /// Opens or creates the generation in `dir` whose first place is `first`. Reads one tree and what is staged.
    pub(in crate::spool::sled) fn open(dir: &Path, first: Seq) -> Result<Self, Fault> {
        let store = Store::open(dir, store_options())?;
        let state = store.tree(STATE)?;
        let watermark = match state.get(WATERMARK)? {
            Some(value) => value.as_ref().try_get_u64().map_err(|_| damaged("a watermark of the wrong size"))?,
            None => 0,
        };
        let (mut trees, mut staging) = (std::collections::BTreeSet::new(), Vec::new());
        for name in store.tree_names() {
            match name.first() {
                Some(&RECORDS) => {
                    trees.insert(place_of(first, &name).ok_or_else(|| damaged("a tree without a place"))?);
                }
                Some(&STAGING) => staging.push(name),
                _ => {}
            }
        }
        staging.sort();
        let mut generation = Self {
            store,
            state,
            trees,
            filling: None,
            staged: Staged::default(),
            staging: None,
            doomed: Vec::new(),
            first,
            end: first,
            watermark,
        };
        generation.find_end()?;
        generation.load_staged(staging)?;
        generation.end = generation.end.max(watermark);
        generation.doom_below(watermark);
        Ok(generation)
    }

    fn find_end(&mut self) -> Result<(), Fault> {
        while let Some(last) = self.trees.last().copied() {
            let name = records_name(self.first, last);
            let tree = self.store.tree(&name)?;
            match last_record(&tree)? {
                LastRecord::Ends(end) => {
                    let records = tree.scan::<&[u8]>(.., usize::MAX)?.len();
                    self.end = end;
                    self.filling = Some((tree, records));
                    return Ok(());
                }
                LastRecord::Torn(key) => drop(tree.remove(key)?),
                LastRecord::Missing => {
                    drop(tree);
                    self.store.drop_tree(&name)?;
                    self.trees.remove(&last);
                }
            }
        }
        Ok(())
    }

    fn load_staged(&mut self, names: Vec<Vec<u8>>) -> Result<(), Fault> {
        for name in names {
            let tree = self.store.tree(&name)?;
            let before = self.end;
            for (key, value) in tree.scan::<&[u8]>(.., usize::MAX)? {
                let (first, _) = place(&key).ok_or_else(|| damaged("a staged record without a place"))?;
                self.load_item(first, &value)?;
            }
            if self.end > before {
                self.staging = Some((name, tree));
            } else {
                self.doomed.push(name);
            }
        }
        Ok(())
    }

    fn load_item(&mut self, first: Seq, value: &[u8]) -> Result<(), Fault> {
        let record = unpack(value)?;
        let Content::Packed(readings) = record.content else {
            return Err(damaged("a staged chunk"));
        };
        for (seq, reading) in (first..).zip(readings) {
            if seq < self.end {
                continue;
            }
            if self.staged.batch.is_empty() {
                self.staged.first = seq;
                self.end = seq;
            }
            if seq != self.end {
                return Err(damaged("a gap between staged readings"));
            }
            self.staged.boot = record.boot;
            self.staged.batch.push_encoded(&reading);
            self.end += 1;
        }
        Ok(())
    }
}

fn last_record(tree: &Tree) -> Result<LastRecord, Fault> {
    let Some((key, value)) = tree.last()? else {
        return Ok(LastRecord::Missing);
    };
    let (seq, chunk) = place(&key).ok_or_else(|| damaged("a record without a place"))?;
    Ok(match unpack(&value)?.content {
        Content::Packed(readings) => LastRecord::Ends(seq + readings.len() as Seq),
        Content::Chunk { of, .. } if chunk + 1 == of => LastRecord::Ends(seq + 1),
        Content::Chunk { .. } => LastRecord::Torn(key),
    })
}

fn damaged(what: &str) -> Fault {
    Fault::Damaged(what.to_owned())
}
