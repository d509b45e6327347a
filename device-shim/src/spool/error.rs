//! Why a spool refuses.

/// Why a reading, an append or a commit was refused. Cheap to clone: one failed flush answers many callers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The reading itself can never be taken.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// The quota is used up and the policy is to reject. Room returns when the drain delivers.
    #[error("the spool holds {held_bytes} bytes of the {quota_bytes} it may")]
    QuotaFull {
        /// Bytes on disk now.
        held_bytes: u64,
        /// Bytes allowed.
        quota_bytes: u64,
    },
    /// The disk is full. Room returns when the drain delivers or something else frees it.
    #[error("the disk of the spool is full")]
    DiskFull,
    /// The disk failed to read or write.
    #[error("the spool's storage failed: {0}")]
    Storage(String),
    /// The thread that owns the spool has ended.
    #[error("the spool is closed")]
    Closed,
}

/// Why a reading can never be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadingError {
    /// See [`MAX_PAYLOAD_BYTES`](super::MAX_PAYLOAD_BYTES).
    #[error("a payload of {len} bytes exceeds the limit of {limit} bytes")]
    Payload {
        /// Bytes of the payload.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// See [`MAX_META_BYTES`](super::MAX_META_BYTES).
    #[error("subfolder, device and properties of {len} bytes exceed the limit of {limit} bytes")]
    Meta {
        /// Bytes of all names and properties together.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Bytes that are no encoded reading, or of a later version. Only a damaged disk shows this.
    #[error("these bytes are not a reading")]
    Malformed,
}

impl From<durable::Error> for SpoolError {
    fn from(error: durable::Error) -> Self {
        if error.is_disk_full() { Self::DiskFull } else { Self::Storage(error.to_string()) }
    }
}

impl From<durable::OpenError> for SpoolError {
    fn from(error: durable::OpenError) -> Self {
        if error.is_disk_full() { Self::DiskFull } else { Self::Storage(error.to_string()) }
    }
}

impl From<std::io::Error> for SpoolError {
    fn from(error: std::io::Error) -> Self {
        durable::Error::from(error).into()
    }
}
