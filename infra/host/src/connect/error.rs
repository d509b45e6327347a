//! Why a port could not be connected.

use domain::PortError;

use crate::left_out::LeftOut;

/// Why a port could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL's scheme is none we know.
    #[error("{port} `{url}` is not known: use one of {known}")]
    UnknownScheme {
        /// Which port.
        port: &'static str,
        /// The URL as given.
        url: String,
        /// What would be understood.
        known: &'static str,
    },
    /// The scheme's adapter is not in this build.
    #[error(transparent)]
    LeftOut(#[from] LeftOut),
    /// An adapter could not be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The folder of objects cannot be used.
    #[error("objects in {folder}: {source}")]
    Objects {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The topic log's folder cannot be used.
    #[error("topic log in {folder}: {source}")]
    TopicLog {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// Firestore is named by a project that is none.
    #[error("records `{url}`: {source}")]
    Project {
        /// The URL as given.
        url: String,
        /// Why.
        source: protocol::NameError,
    },
    /// Firestore's client could not be made.
    #[cfg(feature = "full")]
    #[error(transparent)]
    Firestore(#[from] infra_gcp::firestore::FirestoreError),
    /// No table of DynamoDB.
    #[error("records `dynamodb://…`: {0}")]
    DynamoDb(#[from] infra_aws::DynamoDbError),
    /// Pub/Sub's client could not be made.
    #[error(transparent)]
    PubSub(#[from] infra_gcp::publisher::ConnectError),
    /// The command bus is not configured well.
    #[cfg(feature = "full")]
    #[error(transparent)]
    Nats(#[from] infra_nats::NatsError),
}

impl ConnectError {
    /// Whether another value of a variable would help: then the exit code is 64.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Port(_))
    }
}
