use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use domain::PortError;
use domain::token::Secret;
use futures_util::future::join_all;

use super::*;

struct Hand(AtomicI64);
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::Relaxed))
    }
}

fn key(device: u64) -> Key {
    Key { device, scope: "s".parse().unwrap(), account: None, folders: Vec::new() }
}

fn token(name: &str, expires: i64) -> Outcome {
    Ok(AccessToken { secret: Secret::new(name), expires_at: Timestamp::from_secs(expires) })
}

/// A cache whose dice show the middle: refresh at 75 % of life.
struct Setting {
    cache: TokenCache,
    clock: Hand,
    random: Random,
}

impl Setting {
    fn new() -> Self {
        Self { cache: TokenCache::default(), clock: Hand(AtomicI64::new(0)), random: Arc::new(|| u64::MAX / 2) }
    }
    fn at(&self, secs: i64) {
        self.clock.0.store(secs, Ordering::Relaxed);
    }
    async fn ask(&self, device: u64, outcome: Outcome) -> Outcome {
        self.cache.get(&key(device), &self.clock, &self.random, || async { outcome }.boxed()).await
    }
    async fn name(&self, device: u64, outcome: Outcome) -> String {
        self.ask(device, outcome).await.unwrap().secret.reveal().to_owned()
    }
}

fn busy() -> Outcome {
    Err(ExchangeError::Busy { retry_after: Duration::from_secs(1) })
}

#[tokio::test]
async fn a_token_serves_until_three_quarters_of_its_life() {
    let s = Setting::new();
    assert_eq!(s.name(1, token("a", 3600)).await, "a");
    s.at(2699);
    assert_eq!(s.name(1, token("b", 9999)).await, "a");
    s.at(2701);
    assert_eq!(s.name(1, token("b", 9999)).await, "b");
    assert_eq!(s.cache.counters(), Counters { hits: 1, fetched: 2, ..Counters::default() });
}

#[test]
fn the_dice_spread_the_refresh_over_60_to_90_percent() {
    let at = |random| refresh_at(Timestamp::from_secs(0), Timestamp::from_secs(10_000), random).secs();
    assert_eq!((at(0), at(u64::MAX / 2), at(u64::MAX)), (6_000, 7_500, 9_000));
    let short = refresh_at(Timestamp::from_secs(0), Timestamp::from_secs(100), u64::MAX).secs();
    assert_eq!(short, 40, "never in the last minute");
}

#[tokio::test]
async fn while_the_issuer_cannot_answer_the_old_token_serves_on_but_not_in_its_last_minute() {
    let s = Setting::new();
    s.ask(1, token("a", 3600)).await.unwrap();
    s.at(3000);
    assert_eq!(s.name(1, busy()).await, "a");
    assert_eq!(s.name(1, Err(PortError::passing("x", "y").into())).await, "a");
    let refused = Err(ExchangeError::Refused { code: "unauthorized_client".into(), why: String::new() });
    assert!(s.ask(1, refused).await.is_err(), "a refusal is the issuer's word");
    s.ask(2, token("b", 6600)).await.unwrap();
    s.at(6541);
    assert!(s.ask(2, busy()).await.is_err());
    assert_eq!(s.cache.counters().served_on, 2);
}

#[tokio::test]
async fn a_hundred_at_once_ask_once_and_share_a_failure_which_is_not_kept() {
    let s = Setting::new();
    let gate = Arc::new(tokio::sync::Notify::new());
    let hundred = |outcome: Outcome| {
        let asked = (0..100).map(|_| {
            let (gate, outcome) = (gate.clone(), outcome.clone());
            let fetch = async move {
                gate.notified().await;
                outcome
            };
            async { s.cache.get(&key(7), &s.clock, &s.random, || fetch.boxed()).await }
        });
        // The gate opens once all hundred wait.
        futures_util::future::join(join_all(asked.collect::<Vec<_>>()), async { gate.notify_one() }).map(|(answers, ())| answers)
    };
    assert!(hundred(busy()).await.iter().all(Result::is_err));
    assert_eq!(s.cache.counters(), Counters { fetched: 1, joined: 99, ..Counters::default() });
    assert!(hundred(token("a", 3600)).await.iter().all(Result::is_ok));
    assert_eq!(s.cache.counters().fetched, 2);
}

#[tokio::test]
async fn a_fetch_whose_askers_all_left_is_begun_anew() {
    let s = Setting::new();
    let one = key(1);
    let never = s.cache.get(&one, &s.clock, &s.random, || futures_util::future::pending().boxed());
    assert!(never.now_or_never().is_none());
    assert_eq!(s.name(1, token("a", 3600)).await, "a");
}

#[tokio::test]
async fn a_full_cache_lets_go_of_what_is_due_next_and_counts_it() {
    let s = Setting::new();
    let full = MAX_CACHED as u64;
    for device in 0..full {
        s.ask(device, token("a", 3600 + device as i64)).await.unwrap();
    }
    s.ask(full, token("a", 99_999)).await.unwrap();
    assert_eq!(s.cache.counters().evicted, full / 8);
    assert_eq!(s.name(full / 8, token("again", 99_999)).await, "a", "the later ones stay");
    assert_eq!(s.name(0, token("again", 99_999)).await, "again");
}

#[tokio::test]
async fn a_cache_full_of_fetches_turns_away() {
    let s = Setting::new();
    let waiting: Vec<_> = (0..MAX_CACHED as u64)
        .map(|device| {
            let s = &s;
            let mut asked =
                Box::pin(async move { s.cache.get(&key(device), &s.clock, &s.random, || futures_util::future::pending().boxed()).await });
            assert!((&mut asked).now_or_never().is_none());
            asked
        })
        .collect();
    assert!(matches!(s.ask(99_999, token("a", 9)).await, Err(ExchangeError::Busy { .. })));
    assert_eq!(s.cache.counters().turned_away, 1);
    drop(waiting);
    assert!(s.ask(99_999, token("a", 9_999)).await.is_ok());
}
