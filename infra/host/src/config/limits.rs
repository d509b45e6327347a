//! What bounds the bridge, as far as an operator says it.

use std::ops::RangeInclusive;
use std::time::Duration;

use infra_bridge::Limits;

use super::table::Variable;
use super::{ConfigError, Reader, table as key};

/// A day: Cloud IoT Core's longest token, which ends a session in any case.
const MAX_SESSION_SECS: RangeInclusive<u64> = 1..=86_400;
const DRAIN_SECS: RangeInclusive<u64> = 1..=600;

impl Reader<'_> {
    pub(super) fn limits(&self) -> Result<Limits, ConfigError> {
        let default = Limits::default();
        Ok(Limits {
            max_session: self.secs(key::MAX_SESSION_SECS, MAX_SESSION_SECS)?,
            drain: self.secs(key::DRAIN_SECS, DRAIN_SECS)?.unwrap_or(default.drain),
            ..default
        })
    }

    fn secs(&self, variable: Variable, allowed: RangeInclusive<u64>) -> Result<Option<Duration>, ConfigError> {
        let Some(secs) = self.optional::<u64>(variable)? else { return Ok(None) };
        if !allowed.contains(&secs) {
            return Err(ConfigError::bad(variable, &secs.to_string(), "out of range"));
        }
        Ok(Some(Duration::from_secs(secs)))
    }
}
