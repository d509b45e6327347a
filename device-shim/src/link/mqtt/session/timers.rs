//! How a dead line is noticed: by a PINGRESP or a PUBACK that does not come.

use std::time::Duration;

use tokio::time::Instant;

use crate::link::LinkError;

pub(super) struct Timers {
    /// A ping leaves when nothing else did for this long.
    ping_after: Duration,
    pong_within: Duration,
    ack_within: Duration,
    last_said: Instant,
    pinged: Option<Instant>,
    /// Since when the oldest publish has waited, or the last PUBACK came.
    waiting_since: Instant,
}

impl Timers {
    pub(super) fn new(keepalive: Duration, ack_within: Duration) -> Self {
        let now = Instant::now();
        // Keepalive 0 in CONNACK switches the server's watch off, not ours.
        let keepalive = if keepalive.is_zero() { Duration::from_secs(60) } else { keepalive };
        Self {
            ping_after: keepalive.mul_f64(0.9),
            pong_within: keepalive / 2,
            ack_within,
            last_said: now,
            pinged: None,
            waiting_since: now,
        }
    }

    pub(super) fn said(&mut self) {
        self.last_said = Instant::now();
    }

    /// Any packet proves that the line is alive, though not that publishes are acknowledged.
    pub(super) fn heard(&mut self) {
        self.pinged = None;
    }

    pub(super) fn began_to_wait(&mut self) {
        self.waiting_since = Instant::now();
    }

    /// When [`check`](Self::check) has something to say next.
    pub(super) fn due(&self, waiting: bool) -> Instant {
        let ping = self.pinged.map_or(self.last_said + self.ping_after, |at| at + self.pong_within);
        if waiting { ping.min(self.waiting_since + self.ack_within) } else { ping }
    }

    /// `Ok(true)` when a ping is due.
    pub(super) fn check(&mut self, waiting: bool) -> Result<bool, LinkError> {
        let now = Instant::now();
        if waiting && now >= self.waiting_since + self.ack_within {
            return Err(LinkError::Silent { what: "PUBACK", within: self.ack_within });
        }
        match self.pinged {
            Some(at) if now >= at + self.pong_within => Err(LinkError::Silent { what: "PINGRESP", within: self.pong_within }),
            None if now >= self.last_said + self.ping_after => {
                self.pinged = Some(now);
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_answered_with_a_ping_and_then_given_up() {
        let secs = Duration::from_secs;
        let mut timers = Timers::new(secs(60), secs(30));
        assert_eq!(timers.check(false), Ok(false));
        tokio::time::advance(secs(54)).await;
        assert_eq!(timers.check(false), Ok(true));
        tokio::time::advance(secs(29)).await;
        assert_eq!(timers.check(false), Ok(false));
        timers.heard();
        tokio::time::advance(secs(1)).await;
        assert_eq!(timers.check(false), Ok(true), "nothing was said since, so it asks again");
        tokio::time::advance(secs(30)).await;
        assert_eq!(timers.check(false), Err(LinkError::Silent { what: "PINGRESP", within: secs(30) }));
    }

    #[tokio::test(start_paused = true)]
    async fn publishes_without_puback_end_a_line_that_still_answers_pings() {
        let secs = Duration::from_secs;
        let mut timers = Timers::new(secs(60), secs(30));
        timers.began_to_wait();
        tokio::time::advance(secs(29)).await;
        timers.heard();
        assert_eq!(timers.check(true), Ok(false));
        tokio::time::advance(secs(1)).await;
        assert_eq!(timers.check(true), Err(LinkError::Silent { what: "PUBACK", within: secs(30) }));
    }
}
