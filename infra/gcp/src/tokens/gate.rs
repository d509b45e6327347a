//! A service that said it is busy is left alone by all, not only by whoever heard it: its quota is per project.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::PortError;
use reqwest::RequestBuilder;

use super::retry::{self, Sent};

/// Longest closure, whatever the server said: a slip of its pen shall not stop a fleet for a day.
const MAX_CLOSED: Duration = Duration::from_secs(300);

/// The way to one service, with what happened on it since the start.
#[derive(Default)]
pub(super) struct Gate {
    closed_until: Mutex<Option<Instant>>,
    repeats: AtomicU64,
    turned_away: AtomicU64,
}

impl Gate {
    /// Sends, unless the service is to be left alone.
    pub(super) async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Sent, PortError> {
        if let Some(left) = self.closed_for() {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            return Ok(Sent::Busy(left));
        }
        let sent = retry::send(request, &self.repeats).await?;
        if let Sent::Busy(wait) = &sent {
            *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + (*wait).min(MAX_CLOSED));
        }
        Ok(sent)
    }

    fn closed_for(&self) -> Option<Duration> {
        let until = *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        until?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Requests sent again, and requests not sent because the service was busy.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.repeats.load(Ordering::Relaxed), self.turned_away.load(Ordering::Relaxed))
    }
}
