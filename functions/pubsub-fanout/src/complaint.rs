//! What fails on our side, or with many devices at once, for the log: a line at the first failure, then one a minute at most with
//! how many there were. Ten thousand devices that send again and again would be ten thousand lines a second, so they are one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines of one kind: often enough to be seen, seldom enough to be read.
pub const COMPLAINT_EVERY: Duration = Duration::from_secs(60);

/// One kind of failure.
#[derive(Debug, Default)]
pub struct Complaint(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: Option<Instant>,
    failures: usize,
}

impl Complaint {
    /// Counts; answers how many failures to tell of, when it is time to.
    pub fn due(&self, count: usize, now: Instant) -> Option<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures += count;
        if state.said.is_some_and(|said| now.saturating_duration_since(said) < COMPLAINT_EVERY) {
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
    #[allow(clippy::disallowed_methods, reason = "a test has to begin somewhere")]
    fn the_first_failure_is_told_at_once_and_the_next_ones_together_a_minute_later() {
        let (complaint, start) = (Complaint::default(), Instant::now());
        assert_eq!(complaint.due(3, start), Some(3));
        assert_eq!(complaint.due(2, start + Duration::from_secs(59)), None);
        assert_eq!(complaint.due(1, start + COMPLAINT_EVERY), Some(3));
        assert_eq!(complaint.due(1, start + COMPLAINT_EVERY), None);
    }
}
