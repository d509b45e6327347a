//! Records that live as long as the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::PortError;
use domain::ports::{Expect, Page, Records, Versioned, Written};

/// A map behind a lock.
#[derive(Debug)]
pub struct MemoryRecords<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    records: BTreeMap<String, Versioned<T>>,
    last_version: u64,
}

impl<T> Default for MemoryRecords<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { records: BTreeMap::new(), last_version: 0 }) }
    }
}

impl<T> MemoryRecords<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn is_as(&self, key: &str, expect: Expect) -> bool {
        super::is_as(self.records.get(key).map(|r| r.version), expect)
    }
}

#[async_trait]
impl<T: Clone + Send + Sync> Records<T> for MemoryRecords<T> {
    async fn get(&self, key: &str) -> Result<Option<Versioned<T>>, PortError> {
        Ok(self.lock().records.get(key).cloned())
    }

    async fn put(&self, key: &str, value: &T, expect: Expect) -> Result<Written, PortError> {
        let mut state = self.lock();
        if !state.is_as(key, expect) {
            return Ok(Written::Conflict);
        }
        state.last_version += 1;
        let version = state.last_version;
        state.records.insert(key.to_owned(), Versioned { value: value.clone(), version });
        Ok(Written::Stored(version))
    }

    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        let mut state = self.lock();
        if !state.is_as(key, expect) {
            return Ok(Written::Conflict);
        }
        state.records.remove(key);
        Ok(Written::Stored(0))
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<T>, PortError> {
        let state = self.lock();
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut found = state.records.range::<str, _>((from, Bound::Unbounded)).take_while(|(k, _)| k.starts_with(prefix));
        let items: Vec<_> = found.by_ref().take(limit).map(|(k, v)| (k.clone(), v.clone())).collect();
        let next = found.next().and_then(|_| items.last().map(|(k, _)| k.clone()));
        Ok(Page { items, next })
    }
}
