//! Why nothing was started. The caller asked for something that cannot be: exit code 64.

use super::home::Events;
use super::table::{VARIABLES, Variable};
use crate::mount::Function;

/// A value longer than this is cut in a message.
const SHOWN: usize = 100;

/// What is wrong with the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It begins with `DRAWBRIDGE_` and nobody reads it.
    #[error("environment variable `{0}` is not known; {meant}", meant = super::nearest::meant(.0, VARIABLES.iter().map(|v| v.name)))]
    Unknown(String),
    /// It must be there.
    #[error("{name} is not set, and {by} needs it: {allowed}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// Who needs it.
        by: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// Its value is wrong.
    #[error("{name} is `{value}` ({reason}): it must be {allowed}")]
    Bad {
        /// The variable.
        name: &'static str,
        /// Its value, cut at 100 characters.
        value: String,
        /// Why.
        reason: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// One of the two must go.
    #[error("{0} and {1} are both set: set one of them")]
    Both(&'static str, &'static str),
    /// What cannot be on AWS Lambda.
    #[error("on AWS Lambda with DRAWBRIDGE_EVENTS={events}, {what}")]
    Lambda {
        /// What calls the function.
        events: Events,
        /// What must be otherwise.
        what: &'static str,
    },
    /// It does something on a server alone.
    #[error("{0} has no effect on AWS Lambda, where nothing listens: take it away; {1}")]
    OfServers(&'static str, &'static str),
    /// Commands would reach nobody.
    #[error(
        "DRAWBRIDGE_COMMANDS is `local:`, {0} runs here and the bridge does not: add `bridge` to DRAWBRIDGE_FUNCTIONS, or reach the bridge nodes by nats://host:port; `none:` is for an installation without MQTT"
    )]
    NoBridge(Function),
}

impl ConfigError {
    pub(super) fn missing(variable: Variable, by: &str) -> Self {
        Self::Missing { name: variable.name, by: by.to_owned(), allowed: variable.allowed }
    }

    pub(super) fn bad(variable: Variable, value: &str, reason: impl ToString) -> Self {
        let value = value.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        Self::Bad { name: variable.name, value, reason: reason.to_string(), allowed: variable.allowed }
    }
}
