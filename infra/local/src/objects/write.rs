//! Taking an upload: beside, synced, renamed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::objects::{Interruption, ObjectName, Upload, Uploaded};
use futures_util::StreamExt as _;

use super::place::Stamp;
use super::{FolderObjects, blocking, read};

/// A file that is being written; removed with its value unless it was renamed into place.
struct Unfinished {
    path: PathBuf,
    file: Option<File>,
    crc32c: u32,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename there is nothing here; and what cannot be removed now is at the next start.
        let _gone = fs::remove_file(&self.path);
    }
}

/// How a write that demands something of what is there ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// As every write.
    Uploaded(Uploaded),
    /// What is there is not what was expected. Nothing of the upload is kept.
    Unexpected,
}

/// With `expected`, only over that generation; 0 says that there must be none.
pub(super) async fn write(
    objects: &FolderObjects,
    name: &ObjectName,
    content: Upload,
    announced: Option<u32>,
    expected: Option<u64>,
) -> io::Result<Written> {
    let root = objects.root.clone();
    let begun = blocking(move || {
        let (path, file) = root.upload()?;
        Ok(Unfinished { path, file: Some(file), crc32c: 0 })
    });
    let unfinished = match take(begun.await?, content).await? {
        Ok(unfinished) => unfinished,
        Err(why) => return Ok(Written::Uploaded(Uploaded::Interrupted(why))),
    };
    if announced.is_some_and(|announced| announced != unfinished.crc32c) {
        return Ok(Written::Uploaded(Uploaded::Mismatch { arrived: unfinished.crc32c }));
    }
    let _in_turn = objects.commit.lock().await;
    let (objects, name) = (objects.clone(), name.clone());
    blocking(move || commit(&objects, &name, unfinished, expected)).await
}

/// Writes chunk by chunk: one is in memory at a time.
async fn take(mut unfinished: Unfinished, mut content: Upload) -> io::Result<Result<Unfinished, Interruption>> {
    while let Some(chunk) = content.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(why) => return Ok(Err(why)),
        };
        unfinished = blocking(move || {
            let file = unfinished.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
            file.write_all(&chunk)?;
            unfinished.crc32c = crc32c::crc32c_append(unfinished.crc32c, &chunk);
            Ok(unfinished)
        })
        .await?;
    }
    Ok(Ok(unfinished))
}

fn commit(objects: &FolderObjects, name: &ObjectName, mut unfinished: Unfinished, expected: Option<u64>) -> io::Result<Written> {
    let before = objects.root.find(name)?.map_or(0, |(_, stamp)| stamp.generation);
    if expected.is_some_and(|expected| expected != before) {
        return Ok(Written::Unexpected);
    }
    let path = objects.root.prepare(name)?;
    let file = unfinished.file.take().ok_or(io::ErrorKind::NotFound)?;
    file.set_modified(later_than(before))?;
    file.sync_all()?;
    fs::rename(&unfinished.path, &path)?;
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    File::open(folder)?.sync_all()?;
    let stamp = Stamp::of(&file.metadata()?).ok_or(io::ErrorKind::NotFound)?;
    objects.checksums.remember(&path, stamp, unfinished.crc32c);
    Ok(Written::Uploaded(Uploaded::Stored(read::info(stamp, unfinished.crc32c))))
}

/// Now; or, where the clock has not moved on, a microsecond after `generation`: every file system here keeps that much.
fn later_than(generation: u64) -> SystemTime {
    let least = UNIX_EPOCH + Duration::from_micros(generation / 1_000 + 1);
    SystemTime::now().max(least)
}
