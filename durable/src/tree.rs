//! One keyspace of a store.

use std::ops::RangeBounds;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;

/// Bytes of a key or a value: cheap to clone, dereferences to `[u8]`.
pub type Value = sled::IVec;

/// A key and its value.
pub type Entry = (Value, Value);

/// What [`Tree::compare_and_swap`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The key held what was expected and holds the new value now.
    Done,
    /// The key holds this instead, and was left alone.
    Conflict(Option<Value>),
}

/// One keyspace of a [`Store`](crate::Store): ordered bytes to bytes. Cheap to clone; all methods take `&self`.
///
/// Writes are visible at once to every handle and durable after the next [`Store::commit`](crate::Store::commit).
/// Every method answers [`Error::Io`] or [`Error::Corrupt`] when the file fails it; writes also
/// [`Error::TooLarge`].
#[derive(Clone, Debug)]
pub struct Tree {
    tree: sled::Tree,
    limit: usize,
}

impl Tree {
    pub(crate) fn new(tree: sled::Tree, limit: usize) -> Self {
        Self { tree, limit }
    }

    /// The value at `key`, `None` when there is none.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>, Error> {
        guard(|| self.tree.get(key))
    }

    /// Writes `value` at `key` and returns what was there.
    pub fn insert(&self, key: impl AsRef<[u8]>, value: impl Into<Value>) -> Result<Option<Value>, Error> {
        let value = value.into();
        self.check(key.as_ref(), &value)?;
        guard(|| self.tree.insert(key, value))
    }

    /// Removes `key` and returns what was there.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>, Error> {
        guard(|| self.tree.remove(key))
    }

    /// Writes `new` (`None` removes) if `key` holds exactly `expected` (`None` means absent), atomically.
    pub fn compare_and_swap(&self, key: impl AsRef<[u8]>, expected: Option<&[u8]>, new: Option<Value>) -> Result<Swap, Error> {
        if let Some(new) = &new {
            self.check(key.as_ref(), new)?;
        }
        let outcome = guard(|| self.tree.compare_and_swap(key, expected, new))?;
        Ok(outcome.map_or_else(|conflict| Swap::Conflict(conflict.current), |()| Swap::Done))
    }

    /// The first `limit` entries whose keys lie in `range`, in key order.
    pub fn scan<K: AsRef<[u8]>>(&self, range: impl RangeBounds<K>, limit: usize) -> Result<Vec<Entry>, Error> {
        guard(|| self.tree.range(range).take(limit).collect())
    }

    /// The entry with the greatest key that is not above `key`.
    pub fn at_or_before(&self, key: impl AsRef<[u8]>) -> Result<Option<Entry>, Error> {
        guard(|| self.tree.range(..=key).next_back().transpose())
    }

    /// The entry with the greatest key.
    pub fn last(&self) -> Result<Option<Entry>, Error> {
        guard(|| self.tree.last())
    }

    /// Whether `key` has a value.
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        guard(|| self.tree.contains_key(key))
    }

    /// Whether the tree has no entry.
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.last().map(|last| last.is_none())
    }

    fn check(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let len = key.len() + value.len();
        if len > self.limit { Err(Error::TooLarge { len, limit: self.limit }) } else { Ok(()) }
    }
}

/// Runs `work` and turns a panic, which is how sled reports some damaged pages, into [`Error::Corrupt`].
pub(crate) fn guard<T>(work: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcome) => outcome.map_err(Error::from),
        Err(panic) => Err(Error::Corrupt { reason: panic_text(panic.as_ref()) }),
    }
}

/// The message of a caught panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "panicked".to_owned())
}
