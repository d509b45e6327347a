//! Looking and reading.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use domain::PortError;
use domain::objects::{Download, ObjectInfo, ObjectName};
use futures_util::stream::{self, StreamExt as _};

use super::place::Stamp;
use super::{FolderObjects, PART, blocking};

/// Bytes read at once, and so what one download holds in memory.
const CHUNK_BYTES: u64 = 256 * 1024;

/// Looks at a file that is being replaced this often until two looks agree.
const LOOKS: usize = 5;

pub(super) async fn stat(objects: &FolderObjects, name: &ObjectName) -> io::Result<Option<ObjectInfo>> {
    let looked = (objects.clone(), name.clone());
    let found = blocking(move || {
        let (objects, name) = looked;
        let found = objects.root.find(&name)?;
        Ok(found.map(|(path, stamp)| objects.checksums.known(&path, stamp).map(|crc32c| info(stamp, crc32c))))
    });
    match found.await? {
        None => Ok(None),
        Some(Some(known)) => Ok(Some(known)),
        Some(None) => {
            let _in_turn = objects.computing.lock().await;
            let (objects, name) = (objects.clone(), name.clone());
            blocking(move || compute(&objects, &name)).await
        }
    }
}

/// Reads the file, unless somebody has by now.
fn compute(objects: &FolderObjects, name: &ObjectName) -> io::Result<Option<ObjectInfo>> {
    for _ in 0..LOOKS {
        let Some((path, stamp)) = objects.root.find(name)? else { return Ok(None) };
        if let Some(crc32c) = objects.checksums.of(&path, stamp)? {
            return Ok(Some(info(stamp, crc32c)));
        }
    }
    Err(io::Error::other("it is being changed in place; put files in by `mv`"))
}

pub(super) fn info(stamp: Stamp, crc32c: u32) -> ObjectInfo {
    let Stamp { size, generation, .. } = stamp;
    ObjectInfo { size, generation, etag: stamp.etag(), crc32c: Some(crc32c), updated: stamp.updated().into() }
}

/// A file that is being sent.
struct Reading {
    file: File,
    stamp: Stamp,
    left: u64,
}

pub(super) async fn open(objects: &FolderObjects, name: &ObjectName, generation: u64, range: Range<u64>) -> io::Result<Option<Download>> {
    let (objects, name) = (objects.clone(), name.clone());
    let opened = blocking(move || {
        let Some((path, _)) = objects.root.find(&name)? else { return Ok(None) };
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let Some(stamp) = Stamp::of(&file.metadata()?).filter(|s| s.generation == generation && range.end <= s.size) else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(range.start))?;
        Ok(Some(Reading { file, stamp, left: range.end.saturating_sub(range.start) }))
    });
    Ok(opened.await?.map(|reading| stream::try_unfold(reading, next).map(|chunk| chunk.map_err(lost)).boxed()))
}

fn lost(e: io::Error) -> PortError {
    PortError::passing(PART, e)
}

/// The next chunk; whether the file is still the same is looked at after the chunk is read, so that no byte of another
/// generation leaves.
async fn next(mut reading: Reading) -> io::Result<Option<(Bytes, Reading)>> {
    if reading.left == 0 {
        return Ok(None);
    }
    blocking(move || {
        let mut chunk = vec![0; usize::try_from(reading.left.min(CHUNK_BYTES)).unwrap_or(0)];
        reading.file.read_exact(&mut chunk)?;
        if Stamp::of(&reading.file.metadata()?) != Some(reading.stamp) {
            return Err(io::Error::other("the file was changed in place while it was read"));
        }
        reading.left -= chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), reading)))
    })
    .await
}
