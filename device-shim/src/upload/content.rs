//! The file as it was at the start: its size, its sum, and whether it still is that file.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{self, Stream};

use super::UploadError;

/// Bytes read and sent at once.
const CHUNK_BYTES: usize = 128 * 1024;

/// How far an attempt is.
#[derive(Debug, Clone)]
pub(super) struct Sent(Arc<Mutex<(u64, Instant)>>);

impl Sent {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new((0, Instant::now()))))
    }
    fn lock(&self) -> MutexGuard<'_, (u64, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Bytes that the line has taken, and when it last took some.
    pub(super) fn now(&self) -> (u64, Instant) {
        *self.lock()
    }
}

/// A file to be sent, perhaps more than once.
pub(super) struct Content {
    path: PathBuf,
    stamp: (u64, i64, i64, u64),
    pub(super) size: u64,
    pub(super) crc32c: u32,
}

fn stamp(metadata: &Metadata) -> (u64, i64, i64, u64) {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), metadata.ino())
}

impl Content {
    /// Reads the file once, for its sum.
    pub(super) fn read(path: &Path) -> Result<Self, UploadError> {
        let failed = |source| UploadError::File { path: path.into(), source };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("it is no regular file, so it cannot be sent twice")));
        }
        let (mut crc32c, mut chunk) = (0, vec![0; CHUNK_BYTES]);
        loop {
            match file.read(&mut chunk).map_err(failed)? {
                0 => break,
                n => crc32c = crc32c::crc32c_append(crc32c, &chunk[..n]),
            }
        }
        let content = Self { path: path.into(), stamp: stamp(&metadata), size: metadata.len(), crc32c };
        content.check()?;
        Ok(content)
    }

    /// Whether it still is the file that was read for the sum.
    pub(super) fn check(&self) -> Result<(), UploadError> {
        let metadata = std::fs::metadata(&self.path).map_err(|source| UploadError::File { path: self.path.clone(), source })?;
        if stamp(&metadata) == self.stamp { Ok(()) } else { Err(UploadError::Changed(self.path.clone())) }
    }

    /// The bytes from the first, read as the line takes them: a chunk is read from the page cache or a card within
    /// milliseconds, so this blocks no longer than the line does.
    pub(super) fn stream(&self, sent: &Sent) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + use<>, UploadError> {
        let file = File::open(&self.path).map_err(|source| UploadError::File { path: self.path.clone(), source })?;
        let left = self.size;
        Ok(stream::try_unfold((file, left, sent.clone()), |(mut file, left, sent)| async move {
            if left == 0 {
                return Ok(None);
            }
            let mut chunk = vec![0; usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))];
            file.read_exact(&mut chunk)?;
            let taken = chunk.len() as u64;
            {
                let mut sent = sent.lock();
                *sent = (sent.0 + taken, Instant::now());
            }
            Ok(Some((Bytes::from(chunk), (file, left - taken, sent))))
        }))
    }
}
