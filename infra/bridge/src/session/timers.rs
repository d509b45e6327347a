//! The deadlines of a session, behind one timer.

use std::pin::Pin;
use std::time::Duration;

use domain::Timestamp;
use tokio::time::{Instant, Sleep};

use super::Session;
use crate::ending::Ending;

/// A retry of records that could not be read comes this soon.
const RETRY: Duration = Duration::from_secs(5);

pub(super) struct Timers {
    sleep: Pin<Box<Sleep>>,
    /// When the device last sent a byte.
    heard: Instant,
    /// How long it may be silent.
    quiet: Duration,
    /// When it last took a byte, or had none to take.
    wrote: Instant,
    expires: Instant,
    expires_at: Timestamp,
    /// When it is as old as a session may become, and how old that is at most.
    too_old: Option<(Instant, Duration)>,
    recheck: Instant,
    recheck_every: Duration,
    pub(super) heartbeat_noted: Option<Instant>,
}

impl Timers {
    /// `life` is that of the token, when it ends, and that of a session.
    pub(super) fn new(quiet: Duration, life: (Duration, Timestamp, Option<Duration>), recheck: Duration, number: u64) -> Self {
        let (life, expires_at, max_session) = life;
        let now = Instant::now();
        let recheck_every = jittered(recheck, number);
        let (expires, recheck) = (now + life, now + recheck_every);
        let too_old = max_session.map(|max| (now + jittered(max, number), max));
        let first = (now + quiet).min(expires).min(recheck);
        let first = too_old.map_or(first, |(at, _)| first.min(at));
        Self {
            sleep: Box::pin(tokio::time::sleep_until(first)),
            heard: now,
            quiet,
            wrote: now,
            expires,
            expires_at,
            too_old,
            recheck,
            recheck_every,
            heartbeat_noted: None,
        }
    }

    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    pub(super) fn wrote(&mut self) {
        self.wrote = Instant::now();
    }

    /// Resolves when a deadline may have passed. Deadlines that only move back do not touch the timer.
    pub(super) fn sleep(&mut self) -> Pin<&mut Sleep> {
        self.sleep.as_mut()
    }

    /// Reads the records again soon, because reading them failed.
    pub(super) fn retry_soon(&mut self) {
        let soon = Instant::now() + RETRY.min(self.recheck_every);
        if soon < self.recheck {
            self.recheck = soon;
            if soon < self.sleep.deadline() {
                self.sleep.as_mut().reset(soon);
            }
        }
    }
}

/// Between two thirds of `every` and all of it, so that sessions that came together do not read together.
pub(super) fn jittered(every: Duration, number: u64) -> Duration {
    let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    every.mul_f64(2.0 / 3.0 + scattered as f64 / 65_536.0 / 3.0)
}

impl Session {
    pub(super) fn on_tick(&mut self, may_read: bool) -> Result<(), Ending> {
        let now = Instant::now();
        let timers = &mut self.timers;
        if !may_read {
            // It may well be speaking: we are the ones who do not listen.
            timers.heard = now;
        }
        if self.outbox.is_empty() {
            timers.wrote = now;
        }
        let stall = self.bridge.limits.write_stall;
        if now >= timers.expires {
            return Err(Ending::Expired(timers.expires_at));
        }
        if let Some((_, max)) = timers.too_old.filter(|(at, _)| now >= *at) {
            return Err(Ending::MaxSession(max.as_secs()));
        }
        if now >= timers.heard + timers.quiet {
            return Err(Ending::Silent(timers.quiet.as_secs()));
        }
        if now >= timers.wrote + stall {
            return Err(Ending::Stalled(stall.as_secs()));
        }
        let is_due = now >= timers.recheck;
        if is_due {
            timers.recheck = now + timers.recheck_every;
        }
        let next = timers.expires.min(timers.heard + timers.quiet).min(timers.recheck).min(timers.wrote + stall);
        let next = timers.too_old.map_or(next, |(at, _)| next.min(at));
        timers.sleep.as_mut().reset(next);
        if is_due {
            self.recheck();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rechecks_scatter_below_the_limit() {
        let every = Duration::from_secs(60);
        let waits: Vec<_> = (0..1000).map(|n| jittered(every, n)).collect();
        assert!(waits.iter().all(|w| *w <= every && *w >= every * 2 / 3 - Duration::from_millis(1)));
        let first_second = waits.iter().filter(|w| **w < Duration::from_secs(41)).count();
        assert!((25..100).contains(&first_second), "{first_second} of 1000 in the first of 20 seconds");
    }
}
