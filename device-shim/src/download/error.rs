//! Why there is no file.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::ConfigError;
use crate::identity::KeyError;
use crate::link::mqtt::TlsError;

/// Each says what to do next where there is something to do.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What to download is not said in a way that we understand.
    #[error("`{given}` cannot be downloaded: {problem}")]
    Source {
        /// As given, cut at 200 characters.
        given: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody can be trusted.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP client, the token or the waits cannot be made.
    #[error("the download cannot be set up: {0}")]
    Setup(String),
    /// The operating system gives no runtime.
    #[error("the download cannot be started: {0}")]
    Runtime(io::Error),
    /// A file cannot be written or read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process downloads to the same place.
    #[error("another download to {0} is under way")]
    InUse(PathBuf),
    /// The disk has too little room.
    #[error(
        "{folder} has too little room: {need} bytes are still to come, {free} are free, and {} of them stay free",
        super::space::KEPT_FREE_BYTES
    )]
    Space {
        /// The folder of the file.
        folder: PathBuf,
        /// Bytes still to come.
        need: u64,
        /// Bytes free.
        free: u64,
    },
    /// The server refuses, and would again.
    #[error("the server refuses with {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// The server's answer cannot be used.
    #[error("the server's answer cannot be used: {0}")]
    Answer(String),
    /// Too many attempts brought nothing new.
    #[error(
        "gave up after {attempts} attempts without a new byte, {have} bytes have arrived: {last}. Start the same command again to go on"
    )]
    GaveUp {
        /// How many.
        attempts: u32,
        /// Bytes in the part.
        have: u64,
        /// Why the last one ended.
        last: String,
    },
    /// The bytes are not those that were promised or asked for. Nothing of them is kept.
    #[error("the {what} of what arrived is {found}, it must be {expected}: nothing of it is kept")]
    Mismatch {
        /// `crc32c` or `SHA-256`.
        what: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
}

impl DownloadError {
    /// Whether the request itself is at fault.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Source { .. })
    }
}

/// For `map_err`: names the file.
pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> DownloadError + '_ {
    move |source| DownloadError::File { path: path.into(), source }
}
