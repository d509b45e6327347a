//! The device log: what a device does, as far as its `logLevel`, or its registry's, asks for it. Cloud IoT Core wrote the same to
//! Cloud Logging; here it is lines of the ordinary log with the target `device`, so that a collector can part them.
//!
//! | level | what | as |
//! | --- | --- | --- |
//! | `ERROR` | what `lastErrorStatus` says too | an error |
//! | `INFO` | connections, attaches, acknowledged configurations | info |
//! | `DEBUG` | each event and state: a line a message, for one device while somebody looks | info |
//!
//! Without a level nothing is written (Google, `LogLevel`: "If not specified, logging will be disabled").

use domain::registry::LogLevel;

use crate::Speaker;

/// The target of these lines.
pub const TARGET: &str = "device";

fn rank(level: LogLevel) -> u8 {
    match level {
        LogLevel::Unspecified | LogLevel::None => 0,
        LogLevel::Error => 1,
        LogLevel::Info => 2,
        LogLevel::Debug => 3,
    }
}

impl Speaker {
    /// Whether what happens at `level` is written for this device.
    pub fn logs(&self, level: LogLevel) -> bool {
        let own = if self.log_level == LogLevel::Unspecified { self.registry.log_level } else { self.log_level };
        rank(level) <= rank(own)
    }

    /// Writes one line, if the device's level asks for it. `event` is a word to filter by, as in `CONNECT`.
    pub fn log(&self, level: LogLevel, event: &'static str, text: &str) {
        if !self.logs(level) {
            return;
        }
        let key = &self.key;
        // DEBUG is asked for by the device's level, not by the filter of the process.
        if level == LogLevel::Error {
            tracing::error!(target: TARGET, device = %key, event, "{event} of `{key}`: {text}");
        } else {
            tracing::info!(target: TARGET, device = %key, event, "{event} of `{key}`: {text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const NAME: &str = "projects/p-1/locations/us-central1/registries/reg";

    fn speaker(own: LogLevel, of_registry: LogLevel) -> Speaker {
        let mut registry = fixture::registry(NAME);
        registry.log_level = of_registry;
        let mut device = fixture::device(fixture::device_key(NAME, "dev"), 1, vec![]);
        device.log_level = own;
        Speaker::new(&device, Arc::new(registry), None)
    }

    #[test]
    fn a_device_without_a_level_has_that_of_its_registry_and_without_one_nothing_is_written() {
        use LogLevel as L;
        let written = |own, of_registry| [L::Error, L::Info, L::Debug].map(|level| speaker(own, of_registry).logs(level));
        assert_eq!(written(L::Unspecified, L::Unspecified), [false, false, false]);
        assert_eq!(written(L::Unspecified, L::Error), [true, false, false]);
        assert_eq!(written(L::Unspecified, L::Info), [true, true, false]);
        assert_eq!(written(L::Debug, L::Error), [true, true, true]);
        assert_eq!(written(L::None, L::Debug), [false, false, false]);
    }
}
