//! `drawbridge-shim upload`: a file of this device into the cloud.
//!
//! Promise: the object is there whole, with the CRC32C of the file, or what was there before still is. An upload that is
//! cut begins again from the first byte: the cloud keeps nothing of it. A file that changes meanwhile is not sent.
//! Bounds: one chunk of the file in memory; attempts are counted (`--retries`), and an attempt ends when the line takes
//! no byte for `link.ack_timeout`.
//!
//! The device's token goes to the configured `cloud` and to nobody else; each attempt has a fresh one.

mod content;
mod error;
mod send;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::{self, DEFAULT_CONFIG, EXIT_USAGE};
use crate::config::Config;
use crate::download::client::Client;
use crate::download::source::Source;

pub use error::UploadError;

use content::Content;
use send::Sender;

/// Options of `upload`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drawbridge-shim upload /var/log/app.log --to logs/my-device/app.log
  drawbridge-shim upload photo.jpg --to gs://pictures/my-device/2026/photo.jpg

BUCKET/NAME is an object of the `cloud` of the configuration; an object rule of the registry must let the device write
there. The object appears when all of it has arrived with the right CRC32C, and replaces the one before. After a cut the
file is sent again from its first byte. Standard input cannot be uploaded: it cannot be sent twice.

Exit codes: 0 when the object is there, 64 when the request makes no sense, 1 otherwise.")]
pub struct UploadOptions {
    /// The file to send.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The object to make: BUCKET/NAME or gs://BUCKET/NAME in the `cloud` of the configuration, or a URL that takes a PUT.
    #[arg(long, value_name = "BUCKET/NAME|URL")]
    pub to: String,
    /// Attempts after the first before giving up.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub retries: u32,
    /// Configuration file.
    #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
}

/// `drawbridge-shim upload`: 0 when the object is there, 64 when the request makes no sense, 1 otherwise.
#[must_use]
pub fn main(options: &UploadOptions) -> ExitCode {
    match upload(options) {
        Ok(done) => cli::print(&done),
        Err(error) if error.is_usage() => cli::fail(EXIT_USAGE, &error),
        Err(error) => cli::fail(1, &error),
    }
}

/// Uploads, and answers a sentence about it.
///
/// # Errors
/// [`UploadError`]; what was in the cloud before is still there, unless the answer to a whole upload was lost.
pub fn upload(options: &UploadOptions) -> Result<String, UploadError> {
    let config = Config::load(&options.config)?;
    let target = if options.to.contains("://") { options.to.clone() } else { format!("gs://{}", options.to) };
    let target = Source::read(&target, &config)?;
    let content = Content::read(&options.file)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| UploadError::Setup(e.to_string()))?;
    runtime.block_on(async {
        let backoff = config.backoff.policy().map_err(|e| UploadError::Setup(e.to_string()))?;
        let (patience, announce) = (config.link.ack_timeout, target.with_token);
        let client = Client::for_upload(config, target)?;
        let sender = Sender { client, content, backoff, retries: options.retries, patience, announce };
        sender.run(&options.to).await
    })
}
