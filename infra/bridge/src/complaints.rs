//! What fails on our side, for the log: a line at the first failure, then one a minute at most with how many there were.
//!
//! The counters have the exact numbers, a device's `lastErrorStatus` its own. Without a line nobody who runs the bridge would
//! read why: ten thousand devices that send again and again would be ten thousand lines a second, so they are one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::PortError;
use tracing::warn;

/// Between two lines of one kind: often enough to be seen, seldom enough to be read.
const EVERY: Duration = Duration::from_secs(60);

/// What a bridge complains of.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    publisher: Complaint,
    records: Complaint,
}

impl Complaints {
    /// `count` publishes of a device failed; it sends them again.
    pub(crate) fn publisher(&self, count: usize, e: &PortError) {
        if let Some(failures) = self.publisher.due(count, Instant::now()) {
            warn!(failures, error = %e, "Cannot publish what devices send, they send it again: {e} ({failures} failures since the last line)");
        }
    }

    /// A read or a write of a record failed.
    pub(crate) fn records(&self, e: &PortError) {
        if let Some(failures) = self.records.due(1, Instant::now()) {
            warn!(failures, error = %e, "Cannot read or write records, it is tried again: {e} ({failures} failures since the last line)");
        }
    }
}

/// One kind of failure.
#[derive(Debug, Default)]
struct Complaint(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: Option<Instant>,
    failures: usize,
}

impl Complaint {
    /// Counts; answers how many failures to tell of, when it is time to.
    fn due(&self, count: usize, now: Instant) -> Option<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures += count;
        if state.said.is_some_and(|said| now - said < EVERY) {
            return None;
        }
        state.said = Some(now);
        Some(std::mem::take(&mut state.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_told_at_once_and_the_next_ones_together_a_minute_later() {
        let (complaint, start) = (Complaint::default(), Instant::now());
        assert_eq!(complaint.due(3, start), Some(3));
        assert_eq!(complaint.due(2, start + Duration::from_secs(59)), None);
        assert_eq!(complaint.due(1, start + EVERY), Some(3));
        assert_eq!(complaint.due(1, start + EVERY), None);
    }
}
