//! Why the object is not there.

use std::io;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::download::DownloadError;

/// Each says what to do next where there is something to do.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Where to upload is not said in a way that we understand.
    #[error("nothing can be uploaded to `{given}`: {problem}")]
    Target {
        /// As given, cut at 200 characters.
        given: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The key, the roots or the HTTP client cannot be used.
    #[error("the upload cannot be set up: {0}")]
    Setup(String),
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is another by now.
    #[error("{0} was changed while it was sent: upload a copy of it, or when it is complete")]
    Changed(PathBuf),
    /// The server refuses, and would again.
    #[error("the server refuses with {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// The server has other bytes than were sent.
    #[error("the crc32c of what the server has is {found:08x}, that of the file is {expected:08x}: upload it again")]
    Mismatch {
        /// Of the file.
        expected: u32,
        /// Of the object.
        found: u32,
    },
    /// Too many attempts.
    #[error("gave up after {attempts} attempts: {last}. Start the same command again when the line is better")]
    GaveUp {
        /// How many.
        attempts: u32,
        /// Why the last one ended.
        last: String,
    },
}

impl UploadError {
    /// Whether the request itself is at fault.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Target { .. })
    }
}

/// What an upload shares with a download.
impl From<DownloadError> for UploadError {
    fn from(e: DownloadError) -> Self {
        match e {
            DownloadError::Source { given, problem } => Self::Target { given, problem },
            DownloadError::Config(e) => Self::Config(e),
            DownloadError::Setup(why) => Self::Setup(why),
            other => Self::Setup(other.to_string()),
        }
    }
}
