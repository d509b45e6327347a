//! What the log says of devices that are not let in: of each device and reason a line at the first refusal, then one a minute and
//! instance, with how many there were. A device that tries again every second is no flood.
//!
//! Names come from strangers, so [`KEPT`] pairs of name and reason are kept. Past it those go of which the last line is a minute
//! old; while there are none, the rest share a line for each reason. So an instance writes a thousand lines a minute at most.

use std::collections::HashMap;
use std::mem::Discriminant;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use domain::identity::Refusal;
use pubsub_fanout::{COMPLAINT_EVERY, Complaint};

/// Pairs of device and reason that have lines of their own, of some 500 bytes each.
const KEPT: usize = 1_000;

/// Why somebody was not let in, without the values that differ from time to time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reason {
    /// Another protocol.
    NotMqtt,
    /// The client id is no device's name.
    ClientId,
    /// AWS IoT cannot carry the name.
    NotCarried,
    /// The token, or what the records say of the device.
    Refused(Discriminant<Refusal>),
}

#[derive(Debug, Default)]
struct Said {
    lines: Complaint,
    /// When there was a line.
    at: Option<Instant>,
}

#[derive(Debug, Default)]
struct State {
    devices: HashMap<(String, Reason), Said>,
    others: HashMap<Reason, Complaint>,
}

/// What was said lately.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<State>);

impl Refusals {
    /// Tells that `device` was refused, when it is time to. `device` may be anything that a stranger sends.
    pub(super) fn tell(&self, device: &str, reason: Reason, why: &str, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (device.to_owned(), reason);
        if state.devices.len() >= KEPT && !state.devices.contains_key(&key) {
            state.forget_old(now);
        }
        if state.devices.len() >= KEPT && !state.devices.contains_key(&key) {
            if let Some(refusals) = state.others.entry(reason).or_default().due(1, now) {
                tracing::info!(
                    device,
                    refusals,
                    "Refused `{device}`: {why} ({refusals} such refusals of further devices since the last line)"
                );
            }
            return;
        }
        let said = state.devices.entry(key).or_default();
        if let Some(refusals) = said.lines.due(1, now) {
            said.at = Some(now);
            tracing::info!(device, refusals, "Refused `{device}`: {why} ({refusals} such refusals since the last line)");
        }
    }
}

impl State {
    /// Makes place. Who was refused since its last line has one more, so that every refusal is in a line.
    fn forget_old(&mut self, now: Instant) {
        self.devices.retain(|(device, _), said| {
            let is_old = said.at.is_none_or(|at| now.saturating_duration_since(at) >= COMPLAINT_EVERY);
            if is_old && let Some(refusals @ 1..) = said.lines.due(0, now) {
                tracing::info!(device, refusals, "Refused `{device}` again ({refusals} more refusals since the last line)");
            }
            !is_old
        });
    }
}

#[cfg(test)]
mod tests {
    use std::mem::discriminant;
    use std::time::Duration;

    use super::super::super::captured::Log;
    use super::*;

    /// What was said, without the fields behind it.
    fn said(log: &Log) -> Vec<String> {
        log.lines().iter().filter_map(|line| Some(line.split_once("Refused ")?.1.split(" device=").next()?.to_owned())).collect()
    }

    #[test]
    fn each_device_and_reason_has_a_line_a_minute_with_how_many_there_were() {
        let ((log, _guard), refusals, start) = (Log::start(), Refusals::default(), Instant::now());
        let blocked = Reason::Refused(discriminant(&Refusal::Blocked));
        let tell = |device, reason, at| refusals.tell(device, reason, "why", start + Duration::from_secs(at));
        (0..30).for_each(|at| tell("pi-1", Reason::NotCarried, at));
        tell("pi-1", blocked, 30);
        tell("pi-2", Reason::NotCarried, 30);
        tell("pi-1", Reason::NotCarried, 60);
        let expected = [("pi-1", 1), ("pi-1", 1), ("pi-2", 1), ("pi-1", 30)];
        let expected = expected.map(|(device, n)| format!("`{device}`: why ({n} such refusals since the last line)"));
        assert_eq!(said(&log), expected);
    }

    #[test]
    fn strangers_with_ever_new_names_fill_neither_the_memory_nor_the_log_and_each_refusal_is_counted() {
        let ((log, _guard), refusals, start) = (Log::start(), Refusals::default(), Instant::now());
        for n in 0..KEPT + 500 {
            refusals.tell(&format!("name-{n}"), Reason::ClientId, "why", start);
        }
        refusals.tell("name-0", Reason::ClientId, "why", start);
        let first = said(&log);
        assert_eq!((first.len(), refusals.0.lock().unwrap().devices.len()), (KEPT + 1, KEPT));
        assert_eq!(first[KEPT], "`name-1000`: why (1 such refusals of further devices since the last line)");
        refusals.tell("name-again", Reason::ClientId, "why", start + COMPLAINT_EVERY);
        let later = &said(&log)[KEPT + 1..];
        assert_eq!(
            later,
            ["`name-0` again (1 more refusals since the last line)", "`name-again`: why (1 such refusals since the last line)"]
        );
    }
}
