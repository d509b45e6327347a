//! # Records in sled
//!
//! Promise: an answered `put` or `delete` survives `kill -9` and a power cut; a conditional write is atomic; a version
//! never comes twice. Not promised: that a reader never sees a write whose commit is still under way.
//!
//! Layout: tree `{kind}` holds `key → version (8 bytes, big-endian), parts (2 bytes), JSON`. A JSON text too long for one
//! entry lies in tree `{kind}.parts` under `key \0 version part`, written before the head that counts it, so that a
//! crash leaves at worst parts without a head; opening removes those. Bounds: 65,535 parts of 64 KiB.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::is_as;
use async_trait::async_trait;
use domain::PortError;
use domain::ports::{Expect, Page, Records, Versioned, Written};
use durable::{Store, Swap, Tree};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest JSON text in one entry; below the store's value limit with room for the longest key.
const PART_BYTES: usize = 64 * 1024;
/// Versions reserved on disk at once: one small write per half of this many, instead of one per record.
const VERSION_BLOCK: u64 = 1 << 20;
const HEAD_BYTES: usize = 10;

fn failed(e: durable::Error) -> PortError {
    PortError { part: "records", retryable: e.is_disk_full(), reason: e.to_string(), told: None }
}

fn damaged(key: &str, why: impl std::fmt::Display) -> PortError {
    PortError::lasting("records", format!("record `{key}` is damaged: {why}"))
}

/// Hands out versions that no record of this store had before, across restarts.
///
/// The store holds a number that no version has reached; half-way to it a higher one is written, and rides on the
/// commit of the record that comes next.
pub(super) struct Versions {
    meta: Tree,
    next: AtomicU64,
}

const NEXT_VERSION: &str = "next-version";

impl Versions {
    pub(super) fn open(store: &Store) -> Result<Self, PortError> {
        let meta = store.tree("meta").map_err(failed)?;
        let stored = meta.get(NEXT_VERSION).map_err(failed)?;
        let first = stored.and_then(|v| v.as_ref().try_into().ok().map(u64::from_be_bytes)).unwrap_or(VERSION_BLOCK);
        let versions = Self { meta, next: AtomicU64::new(first) };
        versions.reserve(first)?;
        store.commit().map_err(failed)?;
        Ok(versions)
    }

    fn reserve(&self, from: u64) -> Result<(), PortError> {
        self.meta.insert(NEXT_VERSION, &(from + VERSION_BLOCK).to_be_bytes()[..]).map(drop).map_err(failed)
    }

    fn next(&self) -> Result<u64, PortError> {
        let version = self.next.fetch_add(1, Ordering::Relaxed);
        if version.is_multiple_of(VERSION_BLOCK / 2) {
            self.reserve(version)?;
        }
        Ok(version)
    }
}

/// The two trees of one kind of record.
#[derive(Clone)]
pub(super) struct Trees {
    store: Store,
    heads: Tree,
    parts: Tree,
    versions: Arc<Versions>,
}

impl Trees {
    pub(super) fn open(store: &Store, kind: &str, versions: &Arc<Versions>) -> Result<Self, PortError> {
        let heads = store.tree(kind).map_err(failed)?;
        let parts = store.tree(format!("{kind}.parts")).map_err(failed)?;
        let trees = Self { store: store.clone(), heads, parts, versions: versions.clone() };
        trees.remove_orphans()?;
        Ok(trees)
    }

    /// Parts whose head was never written, or was replaced while the process died.
    fn remove_orphans(&self) -> Result<(), PortError> {
        let mut from: Vec<u8> = Vec::new();
        loop {
            let found = self.parts.scan(from.clone().., 256).map_err(failed)?;
            let Some((last, _)) = found.last() else { return Ok(()) };
            from = [last.as_ref(), &[0]].concat();
            for (part, _) in &found {
                let Some(at) = part.len().checked_sub(HEAD_BYTES + 1) else { continue };
                let head = self.heads.get(&part[..at]).map_err(failed)?;
                if head.is_none_or(|h| h[..8] != part[at + 1..at + 9]) {
                    self.parts.remove(part).map_err(failed)?;
                }
            }
        }
    }

    fn part_key(key: &str, version: u64, part: u16) -> Vec<u8> {
        [key.as_bytes(), &[0], &version.to_be_bytes(), &part.to_be_bytes()].concat()
    }

    fn read(&self, key: &str, head: &[u8]) -> Result<(u64, Vec<u8>), PortError> {
        let (Some(version), Some(count)) = (head.first_chunk::<8>(), head.get(8..HEAD_BYTES)) else {
            return Err(damaged(key, "its head is too short"));
        };
        let version = u64::from_be_bytes(*version);
        let count = u16::from_be_bytes([count[0], count[1]]);
        let mut json = head[HEAD_BYTES..].to_vec();
        for part in 0..count {
            let bytes = self.parts.get(Self::part_key(key, version, part)).map_err(failed)?;
            json.extend_from_slice(&bytes.ok_or_else(|| damaged(key, format!("part {part} of {count} is missing")))?);
        }
        Ok((version, json))
    }

    fn remove_parts(&self, key: &str, head: &[u8]) -> Result<(), PortError> {
        let (Some(version), Some(count)) = (head.first_chunk::<8>(), head.get(8..HEAD_BYTES)) else { return Ok(()) };
        for part in 0..u16::from_be_bytes([count[0], count[1]]) {
            self.parts.remove(Self::part_key(key, u64::from_be_bytes(*version), part)).map_err(failed)?;
        }
        Ok(())
    }

    /// Writes or (with `None`) removes, then commits. Blocks for the disk.
    fn write(&self, key: &str, json: Option<&[u8]>, expect: Expect) -> Result<Written, PortError> {
        let version = self.versions.next()?;
        let old = self.heads.get(key).map_err(failed)?;
        let old_version = old.as_deref().and_then(|h| h.first_chunk::<8>()).map(|v| u64::from_be_bytes(*v));
        if !is_as(old_version, expect) {
            return Ok(Written::Conflict);
        }
        let head = json.map(|json| self.write_parts(key, version, json)).transpose()?;
        match self.heads.compare_and_swap(key, old.as_deref(), head.clone().map(Into::into)).map_err(failed)? {
            Swap::Done => {}
            Swap::Conflict(_) => {
                self.remove_parts(key, head.as_deref().unwrap_or_default())?;
                // Somebody wrote in between. Who expects nothing tries again on what is there now.
                return if expect == Expect::Anything { self.write(key, json, expect) } else { Ok(Written::Conflict) };
            }
        }
        self.store.commit().map_err(failed)?;
        self.remove_parts(key, old.as_deref().unwrap_or_default())?;
        Ok(Written::Stored(if json.is_some() { version } else { 0 }))
    }

    fn write_parts(&self, key: &str, version: u64, json: &[u8]) -> Result<Vec<u8>, PortError> {
        let whole = json.len() <= PART_BYTES;
        let mut count = 0u16;
        if !whole {
            for part in json.chunks(PART_BYTES) {
                self.parts.insert(Self::part_key(key, version, count), part).map_err(failed)?;
                count = count.checked_add(1).ok_or_else(|| PortError::lasting("records", "record of more than 4 GiB"))?;
            }
        }
        Ok([&version.to_be_bytes()[..], &count.to_be_bytes(), if whole { json } else { &[] }].concat())
    }
}

/// Records of one kind, as JSON.
pub struct SledRecords<T> {
    trees: Trees,
    kind: PhantomData<fn() -> T>,
}

impl<T> SledRecords<T> {
    pub(super) fn new(trees: Trees) -> Self {
        Self { trees, kind: PhantomData }
    }

    /// Runs a write where it may block for the disk.
    async fn write(&self, key: &str, json: Option<Vec<u8>>, expect: Expect) -> Result<Written, PortError> {
        let (trees, key) = (self.trees.clone(), key.to_owned());
        let written = tokio::task::spawn_blocking(move || trees.write(&key, json.as_deref(), expect)).await;
        written.map_err(|e| PortError::lasting("records", e))?
    }
}

impl<T: DeserializeOwned> SledRecords<T> {
    fn decode(&self, key: &str, head: &[u8]) -> Result<Versioned<T>, PortError> {
        let (version, json) = self.trees.read(key, head)?;
        let value = serde_json::from_slice(&json).map_err(|e| damaged(key, e))?;
        Ok(Versioned { value, version })
    }
}

#[async_trait]
impl<T: Serialize + DeserializeOwned + Send + Sync> Records<T> for SledRecords<T> {
    async fn get(&self, key: &str) -> Result<Option<Versioned<T>>, PortError> {
        // A writer removes old parts after it replaced the head: a reader between the two reads the head again.
        for _ in 0..3 {
            let Some(head) = self.trees.heads.get(key).map_err(failed)? else { return Ok(None) };
            match self.decode(key, &head) {
                Ok(found) => return Ok(Some(found)),
                Err(e) if self.trees.heads.get(key).map_err(failed)?.as_deref() == Some(&*head) => return Err(e),
                Err(_) => {}
            }
        }
        Err(PortError::passing("records", format!("record `{key}` is being rewritten")))
    }

    async fn put(&self, key: &str, value: &T, expect: Expect) -> Result<Written, PortError> {
        let json = serde_json::to_vec(value).map_err(|e| PortError::lasting("records", e))?;
        self.write(key, Some(json), expect).await
    }

    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        self.write(key, None, expect).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<T>, PortError> {
        let from = after.filter(|a| *a >= prefix).map_or_else(|| prefix.as_bytes().to_vec(), |a| [a.as_bytes(), &[0]].concat());
        let mut found = self.trees.heads.scan(from.., limit + 1).map_err(failed)?;
        found.retain(|(key, _)| key.starts_with(prefix.as_bytes()));
        let more = found.len() > limit;
        found.truncate(limit);
        let mut items = Vec::with_capacity(found.len());
        for (key, _) in &found {
            let key = String::from_utf8_lossy(key).into_owned();
            // Through `get`, which outlasts a writer; a record deleted meanwhile is left out.
            if let Some(record) = self.get(&key).await? {
                items.push((key, record));
            }
        }
        let last = found.last().map(|(key, _)| String::from_utf8_lossy(key).into_owned());
        Ok(Page { items, next: last.filter(|_| more) })
    }
}
