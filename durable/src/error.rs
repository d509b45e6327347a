//! What can go wrong when a store is opened, and later.

use std::io;
use std::path::PathBuf;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refused: no permission, no space, no such device.
    #[error("cannot open the store `{}`: {source}", dir.display())]
    Io {
        /// The store's folder.
        dir: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another process, or another handle in this one, has the store open.
    #[error("the store `{}` is open elsewhere", dir.display())]
    Locked {
        /// The store's folder.
        dir: PathBuf,
    },
    /// The store's content is damaged. Opening it again does not help.
    #[error("the store `{}` is corrupt: {reason}", dir.display())]
    Corrupt {
        /// The store's folder.
        dir: PathBuf,
        /// sled's own words.
        reason: String,
    },
    /// An option is out of sled's range.
    #[error("the store `{}` has an option out of range: {reason}", dir.display())]
    Options {
        /// The store's folder.
        dir: PathBuf,
        /// sled's own words.
        reason: String,
    },
}

impl OpenError {
    /// Whether the disk was full: freeing space and opening again will help.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_no_space(source))
    }
}

/// Why an operation on an open store failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused a read or a write. `disk_full` says whether for want of space.
    #[error("store input or output failed: {reason}")]
    Io {
        /// What the file system said.
        reason: String,
        /// Freeing space and opening the store again will help.
        disk_full: bool,
    },
    /// A page does not pass its checksum, or sled's own invariants failed.
    #[error("the store is corrupt: {reason}")]
    Corrupt {
        /// sled's own words.
        reason: String,
    },
    /// The entry is larger than [`Options::value_limit_bytes`](crate::Options::value_limit_bytes) allows.
    #[error("an entry of {len} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// Bytes of key and value together.
        len: usize,
        /// The store's limit.
        limit: usize,
    },
}

impl Error {
    /// Whether the disk was full: freeing space and opening the store again will help.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { disk_full: true, .. })
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io { disk_full: is_no_space(&error), reason: error.to_string() }
    }
}

impl From<sled::Error> for Error {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => error.into(),
            other => Self::Corrupt { reason: other.to_string() },
        }
    }
}

/// Whether `error` says that the device or the quota is exhausted. sled rebuilds its errors from their kind and text.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) || error.to_string().contains("No space left")
}
