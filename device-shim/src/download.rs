//! `drawbridge-shim download`: a file of the cloud onto this device.
//!
//! Promise: the file appears under its name whole and verified, or not at all, and then survives a power cut. What has
//! arrived is in `FILE.part` and is not fetched again after a cut, a kill or a restart, as long as the object stays the
//! same: a different one is never joined to it (`If-Range`).
//! Bounds: one chunk of the line in memory; attempts that bring nothing new (`--retries`) and starts from the beginning
//! ([`MAX_RESTARTS`]) are counted; the disk keeps [`space::KEPT_FREE_BYTES`].
//!
//! The device's token goes to the configured `cloud` and to nobody else; each request has a fresh one.

pub(crate) mod answer;
pub(crate) mod client;
mod error;
mod fetch;
mod part;
pub(crate) mod progress;
pub(crate) mod source;
pub mod space;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{self, DEFAULT_CONFIG, EXIT_USAGE};
use crate::config::Config;

pub use error::DownloadError;

use client::Client;
use fetch::Fetch;
use part::Part;
use source::Source;
use verify::Sha256Hex;

/// Starts from the beginning after the first: the object was replaced under way, or what was joined is damaged.
pub const MAX_RESTARTS: u32 = 3;

/// Options of `download`.
#[derive(Debug, clap::Args)]
pub struct DownloadOptions {
    /// `gs://BUCKET/OBJECT`, fetched from the `cloud` of the configuration, or a URL.
    #[arg(value_name = "NAME|URL")]
    pub from: String,
    /// The file to make; its folder must exist. What arrives before it is whole is in FILE.part.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// SHA-256 that the file must have.
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<Sha256Hex>,
    /// Attempts in a row that may bring nothing new before giving up; the part stays for the next start.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub retries: u32,
    /// Configuration file.
    #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
}

/// `drawbridge-shim download`: 0 when the file is there, 64 when the request makes no sense, 1 otherwise.
#[must_use]
pub fn main(options: &DownloadOptions) -> ExitCode {
    match download(options) {
        Ok(done) => cli::print(&done),
        Err(error) if error.is_usage() => cli::fail(EXIT_USAGE, &error),
        Err(error) => cli::fail(1, &error),
    }
}

/// Downloads, and answers a sentence about it.
///
/// # Errors
/// [`DownloadError`]; the file is then not there, or still the old one.
pub fn download(options: &DownloadOptions) -> Result<String, DownloadError> {
    let config = Config::load(&options.config)?;
    let source = Source::read(&options.from, &config)?;
    let part = Part::open(&options.to, &source.key())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DownloadError::Runtime)?;
    runtime.block_on(async {
        let backoff = config.backoff.policy().map_err(|e| DownloadError::Setup(e.to_string()))?;
        let client = Client::new(config, source)?;
        Fetch::new(client, part, backoff, options.retries, options.sha256.clone()).run().await
    })
}
