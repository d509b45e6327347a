//! Why an event or a state report was not taken.

use domain::PortError;
use protocol::TopicError;

/// Everything but [`EventError::Port`] is the device's doing; the text names value and limit.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EventError {
    /// The payload is too large.
    #[error("{what} of {len} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// `event` or `state`.
        what: &'static str,
        /// Its size in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The subfolder breaks the rules.
    #[error(transparent)]
    Subfolder(#[from] TopicError),
    /// A user property or attribute breaks Pub/Sub's limits; the text says which and how.
    #[error("{0}")]
    Attribute(String),
    /// The registry has no route for it.
    #[error(
        "registry `{registry}` has no event notification config that matches subfolder `{subfolder}`: add one with an empty subfolderMatches to take everything"
    )]
    NoRoute {
        /// Registry id.
        registry: String,
        /// The event's subfolder.
        subfolder: String,
    },
    /// Our side failed; the device may send it again.
    #[error(transparent)]
    Port(#[from] PortError),
}
