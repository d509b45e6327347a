//! # One token per (device, scope, service account, bounds)
//!
//! Promise: of any number of requests for the same key one asks the issuer, the others wait for its answer; a token
//! is asked for anew after 75 % ± 20 % of its life (60 to 90 %), so that a fleet that started together does not come
//! back together; while the issuer cannot answer, a token with [`SPARE`] left is served on. A failure is told to all
//! who waited for it and to nobody later.
//! Bound: [`MAX_CACHED`] tokens and fetches. Past it those that are due go first, then the eighth that is due next,
//! counted; when all are fetches under way, the next request is told to come back, counted too.
//! Not promised: anything across processes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use domain::objects::Folder;
use domain::ports::{Clock, Random};
use domain::token::{AccessToken, Scope, ServiceAccount};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::ExchangeError;

/// Most tokens kept: 10,000. Google's are 1 to 12 KiB, so 10 to 120 MiB.
pub const MAX_CACHED: usize = 10_000;
/// A token with less than this left is not served any more: its user needs time to use it.
const SPARE: Duration = Duration::from_secs(60);
/// When to come back to a cache full of fetches: longer than most of them take.
const COME_BACK: Duration = Duration::from_secs(2);

type Outcome = Result<AccessToken, ExchangeError>;
type Flight = Shared<BoxFuture<'static, Outcome>>;

/// Whose token, for what, as whom, how far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) device: u64,
    pub(crate) scope: Scope,
    pub(crate) account: Option<ServiceAccount>,
    /// What it is held to in Cloud Storage: a token from before a rule was taken away is another one.
    pub(crate) folders: Vec<Folder>,
}

#[derive(Default)]
struct Entry {
    token: Option<AccessToken>,
    refresh_at: Timestamp,
    /// Weak: a fetch that nobody waits for any more is over.
    flight: Option<WeakShared<BoxFuture<'static, Outcome>>>,
}

/// What the cache did since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Answered from the cache.
    pub hits: u64,
    /// Asked the issuer.
    pub fetched: u64,
    /// Waited for another request's fetch.
    pub joined: u64,
    /// Served on although due, because the issuer could not answer.
    pub served_on: u64,
    /// Dropped because the cache was full.
    pub evicted: u64,
    /// Told to come back, because [`MAX_CACHED`] fetches were under way.
    pub turned_away: u64,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    fetched: AtomicU64,
    joined: AtomicU64,
    served_on: AtomicU64,
    evicted: AtomicU64,
    turned_away: AtomicU64,
}

/// What the cache has for a request.
enum Found {
    Fresh(AccessToken),
    Fetching(Flight),
    Full,
}

/// Tokens that were issued, for one process.
#[derive(Default)]
pub struct TokenCache {
    entries: Mutex<HashMap<Key, Entry>>,
    counts: Counts,
}

fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

impl TokenCache {
    /// What it did so far.
    pub fn counters(&self) -> Counters {
        let read = |c: &AtomicU64| c.load(Ordering::Relaxed);
        let Counts { hits, fetched, joined, served_on, evicted, turned_away } = &self.counts;
        Counters {
            hits: read(hits),
            fetched: read(fetched),
            joined: read(joined),
            served_on: read(served_on),
            evicted: read(evicted),
            turned_away: read(turned_away),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token for `key`; `fetch` is called if there is none that is fresh and nobody is fetching it.
    pub(crate) async fn get(
        &self,
        key: &Key,
        clock: &dyn Clock,
        random: &Random,
        fetch: impl FnOnce() -> BoxFuture<'static, Outcome>,
    ) -> Outcome {
        let flight = match self.find(key, clock.now(), fetch) {
            Found::Fresh(token) => return Ok(token),
            Found::Fetching(flight) => flight,
            Found::Full => return Err(ExchangeError::Busy { retry_after: COME_BACK }),
        };
        let outcome = flight.clone().await;
        self.land(key, &flight, outcome, clock.now(), random())
    }

    /// A fresh token, or the fetch to wait for.
    fn find(&self, key: &Key, now: Timestamp, fetch: impl FnOnce() -> BoxFuture<'static, Outcome>) -> Found {
        let mut entries = self.lock();
        if let Some(entry) = entries.get(key) {
            if let Some(token) = entry.token.as_ref().filter(|_| now < entry.refresh_at) {
                add(&self.counts.hits, 1);
                return Found::Fresh(token.clone());
            }
            if let Some(flight) = entry.flight.as_ref().and_then(WeakShared::upgrade) {
                add(&self.counts.joined, 1);
                return Found::Fetching(flight);
            }
        } else if entries.len() >= MAX_CACHED {
            add(&self.counts.evicted, make_room(&mut entries, now));
            if entries.len() >= MAX_CACHED {
                add(&self.counts.turned_away, 1);
                return Found::Full;
            }
        }
        let entry = entries.entry(key.clone()).or_default();
        let flight = fetch().shared();
        entry.flight = flight.downgrade();
        add(&self.counts.fetched, 1);
        Found::Fetching(flight)
    }

    /// Takes in what a fetch brought; the first of those who waited does so, the others find it done.
    fn land(&self, key: &Key, flight: &Flight, outcome: Outcome, now: Timestamp, random: u64) -> Outcome {
        let mut entries = self.lock();
        let Some(entry) = entries.get_mut(key) else { return outcome };
        if entry.flight.as_ref().and_then(WeakShared::upgrade).is_some_and(|f| f.ptr_eq(flight)) {
            entry.flight = None;
            if let Ok(token) = &outcome {
                entry.refresh_at = refresh_at(now, token.expires_at, random);
                entry.token = Some(token.clone());
            }
        }
        match (outcome, &entry.token) {
            (Err(e), Some(token)) if e.is_passing() && now + SPARE < token.expires_at => {
                add(&self.counts.served_on, 1);
                Ok(token.clone())
            }
            (Err(e), _) => {
                if entry.flight.is_none() {
                    entries.remove(key);
                }
                Err(e)
            }
            (outcome, _) => outcome,
        }
    }
}

/// 75 % ± 20 % of the life from now on, and never within [`SPARE`] of its end.
fn refresh_at(now: Timestamp, expires_at: Timestamp, random: u64) -> Timestamp {
    let life = expires_at.since(now);
    let share = 0.75 * (0.8 + 0.4 * (random as f64 / u64::MAX as f64));
    (now + life.mul_f64(share)).min(expires_at - SPARE)
}

/// Drops what is due; if nothing is, the eighth that is due next. Fetches under way stay. Says how many went.
fn make_room(entries: &mut HashMap<Key, Entry>, now: Timestamp) -> usize {
    let before = entries.len();
    let flies = |e: &Entry| e.flight.as_ref().and_then(WeakShared::upgrade).is_some();
    entries.retain(|_, e| flies(e) || now < e.refresh_at);
    if entries.len() == before {
        let mut due: Vec<_> = entries.iter().filter(|(_, e)| !flies(e)).map(|(k, e)| (e.refresh_at, k.clone())).collect();
        let most = (before / 8).max(1).min(due.len());
        due.sort_unstable_by_key(|(at, _)| *at);
        due.drain(..most).for_each(|(_, key)| drop(entries.remove(&key)));
    }
    before - entries.len()
}

#[cfg(test)]
mod tests;
