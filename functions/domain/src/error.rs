//! Errors of the domain. No HTTP here: `edge` maps them.

use crate::identity::Refusal;

/// A part outside failed. Always about us, never about the device or the caller.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{part}: {reason}")]
pub struct PortError {
    /// Which part: `records`, `publisher`, `commands`.
    pub part: &'static str,
    /// What went wrong, for the log.
    pub reason: String,
    /// Whether the same call may succeed later without anybody's help.
    pub retryable: bool,
    /// What the caller is told besides, as half a sentence without secrets: what goes on meanwhile.
    pub told: Option<&'static str>,
}

impl PortError {
    /// A failure that passes: a time-out, a busy server.
    pub fn passing(part: &'static str, reason: impl ToString) -> Self {
        Self { part, reason: reason.to_string(), retryable: true, told: None }
    }
    /// A failure that stays until somebody acts: a missing topic, a permission, a damaged file.
    pub fn lasting(part: &'static str, reason: impl ToString) -> Self {
        Self { part, reason: reason.to_string(), retryable: false, told: None }
    }
    /// The same failure, with half a sentence for the caller.
    #[must_use]
    pub fn telling(self, text: &'static str) -> Self {
        Self { told: Some(text), ..self }
    }
    /// Whether the same call may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

/// What a use case answers when it does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// The request breaks a rule; the text names value and limit.
    #[error("{message}")]
    Invalid {
        /// The field at fault, in the API's spelling; empty when none.
        field: String,
        /// The rule and the value.
        message: String,
    },
    /// No such registry, device or version.
    #[error("{0} was not found")]
    NotFound(String),
    /// The name is taken.
    #[error("{0} already exists")]
    AlreadyExists(String),
    /// The state of things forbids it.
    #[error("{0}")]
    Precondition(String),
    /// Somebody else changed it meanwhile; read again and retry.
    #[error("{0}")]
    Conflict(String),
    /// A limit is reached; the text names it.
    #[error("{0}")]
    Exhausted(String),
    /// The device was not let in.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A part outside failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl DomainError {
    /// A broken rule about `field`.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }
}
