//! Room on the disk, asked before it is taken.

use std::io;
use std::path::Path;

use super::DownloadError;
use super::error::file;

/// Stays free for all others on this device: 16 MiB.
pub const KEPT_FREE_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes that an ordinary user may still write in `folder`.
///
/// # Errors
/// What the file system answers.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(folder)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Refuses when `need` more bytes would leave less than [`KEPT_FREE_BYTES`].
pub(super) fn check(folder: &Path, need: u64) -> Result<(), DownloadError> {
    let free = free_bytes(folder).map_err(file(folder))?;
    if need.saturating_add(KEPT_FREE_BYTES) <= free {
        return Ok(());
    }
    Err(DownloadError::Space { folder: folder.into(), need, free })
}
