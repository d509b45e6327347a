//! What the log says while the line is down: each reason once, the loud ones loudly.

use std::time::Duration;

use crate::link::LinkError;

/// The reason that was logged last.
#[derive(Debug, Default)]
pub(super) struct Outage {
    logged: Option<String>,
}

impl Outage {
    /// The line is down for `error`, and is tried again after `wait`.
    pub(super) fn say(&mut self, error: &LinkError, wait: Duration) {
        let reason = error.to_string();
        // Refusals name times, which differ from one attempt to the next.
        let kind: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
        if self.logged.as_ref() == Some(&kind) {
            tracing::debug!(reason, ?wait, "Still not connected");
        } else if error.is_permanent() {
            let text = "The cloud does not let this device in; readings are kept. `drawbridge-shim doctor` says what to do";
            tracing::error!(reason, ?wait, "{text}");
        } else {
            tracing::warn!(reason, ?wait, "Not connected; readings are kept");
        }
        self.logged = Some(kind);
    }
}
