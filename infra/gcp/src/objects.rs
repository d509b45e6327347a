//! # Objects in Cloud Storage
//!
//! Promise: what `write` answers as `Stored` is in Cloud Storage whole, and what ended early or does not have the
//! announced CRC32C was never visible: every upload is a resumable one, whose last part is sent only once all is right.
//! What `open` gives belongs to one generation; a download of the whole object is checked against its CRC32C before the
//! last chunk leaves. A connection that breaks is taken up again where it broke, at most [`MAX_RESUMES`] times.
//! Bounds: an upload holds at most 2 × [`UPLOAD_BUFFER_BYTES`], a download two chunks of the line. No call waits for
//! Cloud Storage longer than [`STALL_LIMIT`] without an answer, a byte or a sentence.
//! Not promised: a later part of a ranged download is not checked by us; the device checks the whole (`x-goog-hash`).
//!
//! An upload that ended early is forgotten by Cloud Storage after a week. Objects that are stored with
//! `Content-Encoding: gzip` are served as they are stored.

mod client;
mod error;
mod read;
mod sign;
mod stat;
mod write;

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use domain::PortError;
use domain::objects::{Download, ObjectInfo, ObjectName, Upload, Uploaded};
use domain::ports::ObjectStore;
use tokio::sync::OnceCell;

use crate::Endpoint;
use client::Client;
use sign::Signing;

pub use sign::SigningKeyError;

/// The part that errors name.
const PART: &str = "objects";
/// Part of an upload that is sent and acknowledged at once: 2 MiB, a fraction of a second of any line to Google, and
/// little enough for a hundred uploads in an instance of 512 MiB. Cloud Storage wants multiples of 256 KiB.
pub const UPLOAD_BUFFER_BYTES: usize = 2 * 1024 * 1024;
/// How often one transfer is taken up again after its connection broke.
pub const MAX_RESUMES: u32 = 32;
/// How long Cloud Storage may be silent in the middle of a transfer.
pub const STALL_LIMIT: Duration = Duration::from_secs(60);

/// Objects in the buckets that their names say. Nothing is sent or read before the first call.
pub struct CloudObjects {
    endpoint: Endpoint,
    client: OnceCell<Client>,
    signing: Signing,
}

impl CloudObjects {
    /// Google's, with the credentials of the environment the process runs in, or an emulator, which is asked without
    /// credentials and signs nothing.
    pub fn new(endpoint: Endpoint) -> Self {
        let signing = match endpoint {
            Endpoint::Google => Signing::by_environment(),
            // An identity of another cloud signs nothing (the library has no signer for it).
            Endpoint::Federated(_) | Endpoint::Emulator(_) => Signing::none(),
        };
        Self { endpoint, client: OnceCell::new(), signing }
    }

    /// Signs by the key of a service account, as its JSON file holds it, in place of the environment's.
    ///
    /// # Errors
    /// When the text is no such key.
    pub fn signing_by(mut self, key: &str) -> Result<Self, SigningKeyError> {
        self.signing = Signing::by_key(key)?;
        Ok(self)
    }

    async fn client(&self) -> Result<&Client, PortError> {
        self.client.get_or_try_init(|| Client::connect(&self.endpoint)).await
    }
}

#[async_trait]
impl ObjectStore for CloudObjects {
    async fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>, PortError> {
        stat::stat(self.client().await?, name).await
    }

    async fn open(&self, name: &ObjectName, generation: u64, range: Range<u64>) -> Result<Option<Download>, PortError> {
        read::open(self.client().await?, name, generation, range).await
    }

    async fn sign(&self, name: &ObjectName, generation: u64, valid_for: Duration) -> Result<Option<String>, PortError> {
        Ok(self.signing.url(&self.endpoint, name, generation, valid_for).await)
    }

    async fn write(&self, name: &ObjectName, content: Upload, crc32c: Option<u32>) -> Result<Uploaded, PortError> {
        write::write(self.client().await?, name, content, crc32c).await
    }
}

/// A bucket as the client library names it.
fn bucket(name: &ObjectName) -> String {
    format!("projects/_/buckets/{}", name.bucket())
}

/// The tag of a generation. Google's own changes with the metadata, and differs between its two APIs.
fn etag(generation: u64) -> String {
    generation.to_string()
}
