//! How long to wait before the next attempt: the only file that knows the `backoff` crate.
//!
//! Doubles from `min` to `max`, each wait shortened by a random share of up to `jitter`. One CONNACK does not reset
//! it: the link must have stayed up for `stable_for`. It never gives up, and it neither sleeps nor reads a clock.

use std::ops::RangeInclusive;
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;

/// The policy and where it stands.
#[derive(Debug)]
pub struct Backoff {
    growth: ExponentialBackoff,
    shortest: Duration,
    stable_for: Duration,
}

/// Why a policy makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BackoffError {
    /// The range is empty or starts at nothing.
    #[error("a backoff from {min:?} to {max:?} is not a range: the shortest wait must be above 0 and not above the longest")]
    Range {
        /// Shortest wait.
        min: Duration,
        /// Longest wait.
        max: Duration,
    },
    /// More than all of a wait cannot be taken away.
    #[error("a jitter of {0} is outside 0.0 to 1.0")]
    Jitter(f64),
}

impl Backoff {
    /// Waits from `range.start()` to `range.end()`; `jitter` 0.0 is none, 1.0 is anything from nothing to all.
    ///
    /// # Errors
    /// [`BackoffError`] when the range or the jitter makes no sense.
    pub fn try_new(range: RangeInclusive<Duration>, jitter: f64, stable_for: Duration) -> Result<Self, BackoffError> {
        let (min, max) = (*range.start(), *range.end());
        if min.is_zero() || min > max {
            return Err(BackoffError::Range { min, max });
        }
        if !(0.0..=1.0).contains(&jitter) {
            return Err(BackoffError::Jitter(jitter));
        }
        // The crate varies a wait to both sides; centred at 1 - jitter/2, the upper end is the wait itself.
        let centre = 1.0 - jitter / 2.0;
        let growth = ExponentialBackoff {
            current_interval: min.mul_f64(centre),
            initial_interval: min.mul_f64(centre),
            max_interval: max.mul_f64(centre),
            multiplier: 2.0,
            randomization_factor: jitter / 2.0 / centre,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Ok(Self { growth, shortest: min, stable_for })
    }

    /// How long to wait now.
    pub fn next_wait(&mut self) -> Duration {
        self.growth.next_backoff().unwrap_or(self.growth.max_interval)
    }

    /// The link has been up for `up_for` and is down: starts again from the shortest wait if that was stable.
    pub fn link_was_up(&mut self, up_for: Duration) {
        if up_for >= self.stable_for {
            self.reset();
        }
    }

    /// The other side ended the link in order after `up_for`. That is no failure, unless it does so as soon as it is asked: a link
    /// that was up for less than the shortest wait has not earned it.
    pub fn link_ended_in_order(&mut self, up_for: Duration) -> bool {
        let earned = up_for >= self.shortest;
        if earned {
            self.reset();
        }
        earned
    }

    /// Starts again from the shortest wait, because something new is known.
    pub fn reset(&mut self) {
        self.growth.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn waits(backoff: &mut Backoff, n: usize) -> Vec<u64> {
        (0..n).map(|_| backoff.next_wait().as_secs()).collect()
    }

    #[test]
    fn doubles_to_the_longest_and_stays_there() {
        let mut backoff = Backoff::try_new(secs(1)..=secs(10), 0.0, secs(60)).unwrap();
        assert_eq!(waits(&mut backoff, 7), [1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn a_short_connection_does_not_reset_and_a_stable_one_does() {
        let mut backoff = Backoff::try_new(secs(1)..=secs(300), 0.0, secs(60)).unwrap();
        assert_eq!(waits(&mut backoff, 3), [1, 2, 4]);
        backoff.link_was_up(secs(59));
        assert_eq!(waits(&mut backoff, 1), [8]);
        backoff.link_was_up(secs(60));
        assert_eq!(waits(&mut backoff, 2), [1, 2]);
    }

    #[test]
    fn an_orderly_end_starts_again_from_the_shortest_wait_unless_it_comes_at_once() {
        let mut backoff = Backoff::try_new(secs(2)..=secs(300), 0.0, secs(60)).unwrap();
        assert_eq!(waits(&mut backoff, 2), [2, 4]);
        assert!(!backoff.link_ended_in_order(secs(1)));
        assert_eq!(waits(&mut backoff, 1), [8]);
        assert!(backoff.link_ended_in_order(secs(2)));
        assert_eq!(waits(&mut backoff, 2), [2, 4]);
    }

    #[test]
    fn jitter_shortens_and_never_lengthens() {
        let mut seen = Vec::new();
        for _ in 0..500 {
            let mut backoff = Backoff::try_new(secs(8)..=secs(8), 0.5, secs(60)).unwrap();
            seen.push(backoff.next_wait());
        }
        assert!(seen.iter().all(|wait| (secs(4)..=secs(8) + Duration::from_nanos(9)).contains(wait)), "{seen:?}");
        assert!(seen.iter().any(|wait| *wait < secs(5)) && seen.iter().any(|wait| *wait > secs(7)));
    }

    #[test]
    fn nonsense_is_refused_at_construction() {
        assert!(matches!(Backoff::try_new(secs(0)..=secs(1), 0.5, secs(1)), Err(BackoffError::Range { .. })));
        assert!(matches!(Backoff::try_new(secs(2)..=secs(1), 0.5, secs(1)), Err(BackoffError::Range { .. })));
        assert_eq!(Backoff::try_new(secs(1)..=secs(2), 1.5, secs(1)).map(drop), Err(BackoffError::Jitter(1.5)));
    }
}
