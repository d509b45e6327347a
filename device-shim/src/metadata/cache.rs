//! Tokens that were asked for, until near their end.
//!
//! Promise: for each set of scopes one request is under way at most, whoever waits gets its answer; a token is served
//! until [`REFRESH_BEFORE`] its end, and to its very end where no new one can be had. At most [`MAX_SCOPES`] sets are
//! kept; a further one takes the place of the one that was used longest ago, counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::access_token::{AccessToken, AccessTokenError, TokenClient, Wish};

/// A token this near its end is replaced: 5 minutes, as at Google; its libraries ask anew from 3 min 45 s on.
pub const REFRESH_BEFORE: Duration = Duration::from_secs(300);
/// Sets of scopes at a time. A device has a handful of programs.
pub const MAX_SCOPES: usize = 16;

/// Where a token comes from.
pub trait Source: Send + Sync {
    /// A fresh token.
    fn fetch(&self, wish: &Wish) -> impl Future<Output = Result<AccessToken, AccessTokenError>> + Send;
}

impl Source for TokenClient {
    fn fetch(&self, wish: &Wish) -> impl Future<Output = Result<AccessToken, AccessTokenError>> + Send {
        Self::fetch(self, wish)
    }
}

/// Counts since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Requests to the token service.
    pub fetched: u64,
    /// Tokens served from here.
    pub served: u64,
    /// Sets of scopes that had to give way.
    pub evicted: u64,
}

#[derive(Debug, Default)]
struct Counts {
    fetched: AtomicU64,
    served: AtomicU64,
    evicted: AtomicU64,
}

/// A token and when it came, by two clocks: the monotonic one stands still while the device sleeps, the other may jump.
struct Kept {
    token: AccessToken,
    came: Instant,
    came_by_wall: SystemTime,
}

impl Kept {
    fn left(&self) -> Duration {
        let by_wall = self.came_by_wall.elapsed().unwrap_or_default();
        Duration::from_secs(self.token.expires_in).saturating_sub(self.came.elapsed().max(by_wall))
    }

    /// Still good for a while; short lives are served for half of them.
    fn is_fresh(&self) -> bool {
        self.left() > REFRESH_BEFORE.min(Duration::from_secs(self.token.expires_in) / 2)
    }

    fn served(&self) -> Option<AccessToken> {
        let left = self.left();
        (left > Duration::ZERO).then(|| self.token.clone().with_life(left))
    }
}

/// One set of scopes: its lock is held while its token is asked for.
#[derive(Default)]
struct Slot {
    kept: tokio::sync::Mutex<Option<Kept>>,
}

/// Tokens of one device.
pub struct TokenCache<S = TokenClient> {
    source: S,
    /// With the time of the last use, as a count of uses.
    slots: Mutex<HashMap<Wish, (u64, Arc<Slot>)>>,
    uses: AtomicU64,
    counts: Counts,
}

impl<S: Source> TokenCache<S> {
    /// Nothing yet.
    pub fn new(source: S) -> Self {
        Self { source, slots: Mutex::default(), uses: AtomicU64::default(), counts: Counts::default() }
    }

    /// As of now.
    pub fn counters(&self) -> Counters {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counters { fetched: get(&self.counts.fetched), served: get(&self.counts.served), evicted: get(&self.counts.evicted) }
    }

    /// A token that is good for a while.
    ///
    /// # Errors
    /// Those of the token service, when no token that is still good is here.
    pub async fn get(&self, wish: &Wish) -> Result<AccessToken, AccessTokenError> {
        let slot = self.slot(wish);
        let mut kept = slot.kept.lock().await;
        if let Some(token) = kept.as_ref().filter(|kept| kept.is_fresh()).and_then(Kept::served) {
            self.counts.served.fetch_add(1, Ordering::Relaxed);
            return Ok(token);
        }
        self.counts.fetched.fetch_add(1, Ordering::Relaxed);
        match self.source.fetch(wish).await {
            Ok(token) => {
                *kept = Some(Kept { token: token.clone(), came: Instant::now(), came_by_wall: SystemTime::now() });
                Ok(token)
            }
            Err(error) => kept.as_ref().and_then(Kept::served).ok_or(error),
        }
    }

    fn slot(&self, wish: &Wish) -> Arc<Slot> {
        let now = self.uses.fetch_add(1, Ordering::Relaxed);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if !slots.contains_key(wish) && slots.len() >= MAX_SCOPES {
            let oldest = slots.iter().min_by_key(|(_, (used, _))| *used).map(|(wish, _)| wish.clone());
            oldest.and_then(|wish| slots.remove(&wish));
            self.counts.evicted.fetch_add(1, Ordering::Relaxed);
        }
        let (used, slot) = slots.entry(wish.clone()).or_default();
        *used = now;
        Arc::clone(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives tokens of one life until it is told to refuse. What it stands for is tried whole in `tests/metadata.rs`.
    struct Gives {
        life_secs: u64,
        refuses: std::sync::atomic::AtomicBool,
    }

    impl Source for Gives {
        async fn fetch(&self, _wish: &Wish) -> Result<AccessToken, AccessTokenError> {
            tokio::task::yield_now().await;
            if self.refuses.load(Ordering::Relaxed) {
                return Err(AccessTokenError::Refused { status: 503, message: "later".into() });
            }
            Ok(AccessToken::for_tests("t", self.life_secs))
        }
    }

    fn cache(life_secs: u64) -> TokenCache<Gives> {
        TokenCache::new(Gives { life_secs, refuses: false.into() })
    }

    fn wish(scope: &str) -> Wish {
        Wish { scope: scope.into(), service_account: None }
    }

    fn counters(cache: &TokenCache<Gives>) -> (u64, u64, u64) {
        let Counters { fetched, served, evicted } = cache.counters();
        (fetched, served, evicted)
    }

    #[tokio::test]
    async fn a_crowd_causes_one_request() {
        let cache = cache(3_600);
        let scope = wish("a");
        let crowd = (0..50).map(|_| cache.get(&scope));
        assert!(futures_util::future::join_all(crowd).await.iter().all(Result::is_ok));
        assert_eq!(counters(&cache), (1, 49, 0));
    }

    #[tokio::test]
    async fn what_is_near_its_end_is_asked_for_anew_and_served_where_that_fails() {
        let cache = cache(0);
        cache.get(&wish("a")).await.unwrap();
        cache.get(&wish("a")).await.unwrap();
        assert_eq!(counters(&cache), (2, 0, 0), "a life of nothing is over at once");
        cache.source.refuses.store(true, Ordering::Relaxed);
        assert!(cache.get(&wish("a")).await.is_err());
        let near = self::cache(3_600);
        near.get(&wish("a")).await.unwrap();
        let slot = near.slot(&wish("a"));
        if let Some(kept) = slot.kept.lock().await.as_mut() {
            kept.came_by_wall -= Duration::from_secs(3_500);
        }
        near.source.refuses.store(true, Ordering::Relaxed);
        let token = near.get(&wish("a")).await.unwrap();
        assert!((90..=100).contains(&token.expires_in), "what is left of it: {}", token.expires_in);
        assert_eq!(counters(&near), (2, 0, 0));
    }

    #[tokio::test]
    async fn the_set_of_scopes_used_longest_ago_gives_way() {
        let cache = cache(3_600);
        for n in 0..MAX_SCOPES {
            cache.get(&wish(&n.to_string())).await.unwrap();
        }
        cache.get(&wish("0")).await.unwrap();
        cache.get(&wish("one more")).await.unwrap();
        cache.get(&wish("0")).await.unwrap();
        assert_eq!(counters(&cache), (MAX_SCOPES as u64 + 1, 2, 1));
        cache.get(&wish("1")).await.unwrap();
        assert_eq!(counters(&cache), (MAX_SCOPES as u64 + 2, 2, 2));
    }
}
