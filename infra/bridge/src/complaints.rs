//! What fails on our side, for the log: a line at the first failure, then one a minute at most with how many there were.
//!
//! The counters have the exact numbers, a device's `lastErrorStatus` its own. Without a line nobody who runs the bridge would
//! read why.

use std::time::Instant;

use domain::PortError;
use pubsub_fanout::Complaint;
use tracing::warn;

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
