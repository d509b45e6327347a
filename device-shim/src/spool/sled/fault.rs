//! Damage, which sets a generation aside, apart from failures, which are told and tried again.

use crate::spool::{ReadingError, SpoolError};

#[derive(Debug)]
pub(super) enum Fault {
    /// What is on the disk is not what was written.
    Damaged(String),
    /// The disk is full or does not answer.
    Failed(SpoolError),
}

impl From<durable::Error> for Fault {
    fn from(error: durable::Error) -> Self {
        match error {
            durable::Error::Corrupt { reason } => Self::Damaged(reason),
            other => Self::Failed(other.into()),
        }
    }
}

impl From<durable::OpenError> for Fault {
    fn from(error: durable::OpenError) -> Self {
        match error {
            durable::OpenError::Corrupt { reason, .. } => Self::Damaged(reason),
            other => Self::Failed(other.into()),
        }
    }
}

impl From<ReadingError> for Fault {
    fn from(error: ReadingError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SpoolError> for Fault {
    fn from(error: SpoolError) -> Self {
        Self::Failed(error)
    }
}

impl From<Fault> for SpoolError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged(reason) => Self::Storage(reason),
            Fault::Failed(error) => error,
        }
    }
}
