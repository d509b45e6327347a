//! Why a message did not get where it should, and what is said of it in the log: of each cause a line at the first message, then
//! one a minute and instance, with how many there were and one of them. So an outage is no flood.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use domain::status::ErrorStatus;
use domain::{DeviceKey, PortError};
use edge::{ApiError, Code};
use pubsub_fanout::{Complaint, EventError};

/// The kinds of failure, each with lines of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Nobody can read it.
    Unreadable,
    /// It went to a topic of another device.
    ForeignTopic,
    /// Its device is blocked.
    Blocked,
    /// Its device, or the registry, is not there.
    Absent,
    /// It breaks a rule: too large, a wrong subfolder or attribute.
    Refused,
    /// It asks for what nothing here can send.
    NoCommands,
    /// No route takes it.
    NoRoute,
    /// Something outside failed.
    Port { part: &'static str, lasting: bool },
}

impl Cause {
    /// Whether it may succeed later, so that SQS gives it again.
    pub(super) fn comes_again(self) -> bool {
        matches!(self, Self::NoRoute | Self::Port { .. })
    }
}

/// What became of a message.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) cause: Cause,
    /// For the log.
    text: String,
    /// For the record of the device, where it is the device's doing or lack.
    pub(super) told: Option<ErrorStatus>,
}

impl Fault {
    /// For the log alone.
    pub(super) fn logged(cause: Cause, text: String) -> Self {
        Self { cause, text, told: None }
    }

    /// Also for the record of its device.
    pub(super) fn of(device: &DeviceKey, cause: Cause, told: &ApiError) -> Self {
        let (code, message) = (told.code().number(), told.message().to_owned());
        Self { cause, text: format!("`{device}`: {message}"), told: Some(ErrorStatus { code, message }) }
    }

    /// Something outside failed for a device.
    pub(super) fn port(device: &impl std::fmt::Display, e: &PortError) -> Self {
        Self::logged(Cause::Port { part: e.part, lasting: !e.is_retryable() }, format!("`{device}`: {e}"))
    }

    /// An event or a state was not taken.
    pub(super) fn event(device: &DeviceKey, e: EventError) -> Self {
        let cause = match &e {
            EventError::TooLarge { .. } | EventError::Subfolder(_) | EventError::Attribute(_) => Cause::Refused,
            EventError::NoRoute { .. } => Cause::NoRoute,
            EventError::Port(e) if e.is_retryable() => return Self::port(device, e),
            // Somebody must act, and looks at the device: as our bridge has it.
            EventError::Port(port) => {
                let told = ErrorStatus { code: Code::Unavailable.number(), message: port.to_string() };
                return Self { told: Some(told), ..Self::port(device, port) };
            }
        };
        Self::of(device, cause, &e.into())
    }
}

/// What was said lately. As many entries as there are causes.
#[derive(Debug, Default)]
pub(super) struct Told {
    causes: Mutex<BTreeMap<Cause, Complaint>>,
    unwritten: Complaint,
}

impl Told {
    /// Tells of the faults of a batch, each with the id of its message.
    pub(super) fn batch<'a>(&self, faults: impl Iterator<Item = (&'a str, &'a Fault)>, now: Instant) {
        let mut by_cause = BTreeMap::<Cause, (usize, &str, &Fault)>::new();
        for (id, fault) in faults {
            by_cause.entry(fault.cause).or_insert((0, id, fault)).0 += 1;
        }
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        for (cause, (count, id, Fault { text, .. })) in by_cause {
            let Some(messages) = causes.entry(cause).or_default().due(count, now) else { continue };
            let what = if cause.comes_again() { "A message of a device is to come again" } else { "Dropped a message of a device" };
            tracing::warn!(sqs_message = %id, messages, "{what}: {text} ({messages} such messages since the last line)");
        }
    }

    /// Tells that a last error of a device could not be written.
    pub(super) fn unwritten(&self, e: &PortError, now: Instant) {
        if let Some(failures) = self.unwritten.due(1, now) {
            tracing::warn!(failures, error = %e, "The last error of a device could not be written: {e} ({failures} failures since the last line)");
        }
    }
}
