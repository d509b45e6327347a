//! # Objects in a folder
//! An object `gs://bucket/a/b` is the file `bucket/a/b` below the root: what is put there by hand can be downloaded.
//!
//! Promise: once `write` answers `Stored`, the object survives `kill -9` and a power cut, and no reader ever sees half of
//! it: bytes go to `.uploads`, are synced, and are renamed. A reader goes on with the bytes it began with.
//! No name leads out of the root, and symbolic links are not followed.
//! Not promised: a file that is changed in place while it is read, as `cp` does, ends the read with an error; put files
//! in by `mv`. `a` and `a/b` cannot both be objects, as they can in Cloud Storage.
//!
//! The generation is the file's time of change in nanoseconds, moved forward where the clock did not.

mod checksums;
mod place;
mod read;
mod remove;
mod write;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::PortError;
use domain::objects::{Download, ObjectInfo, ObjectName, Upload, Uploaded};
use domain::ports::ObjectStore;
use tokio::sync::Mutex;

use checksums::Checksums;
use place::Root;

pub use checksums::MAX_CHECKSUMS;
pub use remove::BucketRemoved;
pub use write::Written;

/// The part that errors name.
const PART: &str = "objects";

/// Objects in a folder. Clones share what they know of checksums.
#[derive(Clone)]
pub struct FolderObjects {
    root: Arc<Root>,
    checksums: Arc<Checksums>,
    /// Held while a file is read for its checksum: a thousand devices that ask for a new file wait, on no thread, for one
    /// reading of it.
    computing: Arc<Mutex<()>>,
    /// Held from the look at the old file to the rename over it: generations of one object only grow.
    commit: Arc<Mutex<()>>,
}

impl FolderObjects {
    /// Objects below `root`, created if absent. Uploads that a crash left half-way are removed.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(root: &Path) -> io::Result<Self> {
        Ok(Self { root: Arc::new(Root::open(root)?), checksums: Arc::default(), computing: Arc::default(), commit: Arc::default() })
    }

    /// As [`ObjectStore::write`], and with `expected` only over that generation; 0 says that there must be none.
    pub async fn write_if(
        &self,
        name: &ObjectName,
        content: Upload,
        crc32c: Option<u32>,
        expected: Option<u64>,
    ) -> Result<Written, PortError> {
        write::write(self, name, content, crc32c, expected).await.map_err(|e| failed(name, &e))
    }

    /// Checksums forgotten since the start because there were [`MAX_CHECKSUMS`] of them; they are computed anew when asked.
    pub fn forgotten_checksums(&self) -> u64 {
        self.checksums.forgotten()
    }
}

#[async_trait]
impl ObjectStore for FolderObjects {
    async fn stat(&self, name: &ObjectName) -> Result<Option<ObjectInfo>, PortError> {
        read::stat(self, name).await.map_err(|e| failed(name, &e))
    }

    async fn open(&self, name: &ObjectName, generation: u64, range: Range<u64>) -> Result<Option<Download>, PortError> {
        read::open(self, name, generation, range).await.map_err(|e| failed(name, &e))
    }

    async fn sign(&self, _: &ObjectName, _: u64, _: Duration) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    async fn write(&self, name: &ObjectName, content: Upload, crc32c: Option<u32>) -> Result<Uploaded, PortError> {
        match self.write_if(name, content, crc32c, None).await? {
            Written::Uploaded(uploaded) => Ok(uploaded),
            Written::Unexpected => Err(PortError::lasting(PART, "a write that expects nothing was refused")),
        }
    }
}

/// A full disk passes when somebody makes room; so may most of what disks say.
fn failed(name: &ObjectName, e: &io::Error) -> PortError {
    PortError::passing(PART, format!("`{name}`: {e}"))
}

/// Runs work on files where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(io::Error::other(e)))
}
