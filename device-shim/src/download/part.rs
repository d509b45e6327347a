//! What has arrived so far: `FILE.part`, and beside it `FILE.part.json`, which says of what it is a part.
//!
//! The note is durable before the first byte that it is about: after a power cut the part never belongs to another note.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::DownloadError;
use super::error::file;
use super::space;
use crate::files;

/// Bytes between two looks at the room on the disk: others write too.
const LOOK_AT_SPACE_EVERY_BYTES: u64 = 64 * 1024 * 1024;

/// Of what it is a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// [`super::source::Source::key`].
    pub(super) source: String,
    /// Strong tag without quotes; without one the download cannot be resumed.
    pub(super) etag: Option<String>,
    /// Size of the whole in bytes.
    pub(super) size: u64,
    /// CRC32C of the whole.
    pub(super) crc32c: Option<u32>,
}

/// The part, locked: one process writes it.
#[derive(Debug)]
pub(super) struct Part {
    target: PathBuf,
    path: PathBuf,
    note_path: PathBuf,
    folder: PathBuf,
    file: File,
    len: u64,
    source: String,
    note: Option<Note>,
    until_look: u64,
}

fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(target);
    path.push(ending);
    path.into()
}

impl Part {
    /// The part that an earlier start left of the same source, or an empty one.
    pub(super) fn open(target: &Path, source: &str) -> Result<Self, DownloadError> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        if target.file_name().is_none() || target.is_dir() {
            return Err(file(target)(io::Error::new(ErrorKind::IsADirectory, "it is a folder: name the file to make")));
        }
        let (path, note_path) = (beside(target, ".part"), beside(target, ".part.json"));
        let held = File::options().create(true).append(true).read(true).open(&path).map_err(file(&path))?;
        match held.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DownloadError::InUse(target.into())),
            Err(TryLockError::Error(e)) => return Err(file(&path)(e)),
        }
        let len = held.metadata().map_err(file(&path))?.len();
        let note = fs::read(&note_path).ok().and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
        let note = note.filter(|note| note.source == source && len <= note.size);
        let (target, source) = (target.into(), source.into());
        let mut part = Self { target, path, note_path, folder, file: held, len, source, note, until_look: 0 };
        if part.note.as_ref().is_none_or(|note| note.etag.is_none() && len < note.size) {
            part.clear()?;
        }
        Ok(part)
    }

    /// Bytes that have arrived.
    pub(super) fn len(&self) -> u64 {
        self.len
    }
    /// Of what it is a part; `None` before the first answer.
    pub(super) fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }
    /// Whether all of it has arrived.
    pub(super) fn is_whole(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.size == self.len)
    }
    /// Where the bytes are.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
    /// Where they will be.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Begins anew, with nothing.
    pub(super) fn clear(&mut self) -> Result<(), DownloadError> {
        self.file.set_len(0).and_then(|()| self.file.sync_all()).map_err(file(&self.path))?;
        (self.len, self.note) = (0, None);
        Ok(())
    }

    /// Begins anew, with nothing, as a part of this.
    pub(super) fn begin(&mut self, etag: Option<String>, size: u64, crc32c: Option<u32>) -> Result<(), DownloadError> {
        self.clear()?;
        space::check(&self.folder, size)?;
        let note = Note { source: self.source.clone(), etag, size, crc32c };
        let text = serde_json::to_vec_pretty(&note).map_err(|e| DownloadError::Setup(e.to_string()))?;
        files::replace(&self.note_path, &text).map_err(file(&self.note_path))?;
        self.note = Some(note);
        Ok(())
    }

    /// Adds what arrived. Never more than the whole.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        let left = self.note.as_ref().map_or(0, |note| note.size.saturating_sub(self.len));
        let count = bytes.len() as u64;
        if count > left {
            return Err(DownloadError::Answer(format!("{count} bytes came where {left} were left")));
        }
        if self.until_look < count {
            space::check(&self.folder, left)?;
            self.until_look = LOOK_AT_SPACE_EVERY_BYTES;
        }
        self.until_look = self.until_look.saturating_sub(count);
        self.file.write_all(bytes).map_err(|e| self.not_written(e, left))?;
        self.len += count;
        Ok(())
    }

    /// Half a chunk may have been written: what counts is what the file says at the next start, or now.
    fn not_written(&self, e: io::Error, need: u64) -> DownloadError {
        match (e.kind(), space::free_bytes(&self.folder)) {
            (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, Ok(free)) => {
                DownloadError::Space { folder: self.folder.clone(), need, free }
            }
            _ => file(&self.path)(e),
        }
    }

    /// Gives the whole its name: durable on return.
    pub(super) fn publish(self) -> Result<(), DownloadError> {
        self.file.sync_all().map_err(file(&self.path))?;
        fs::rename(&self.path, &self.target).map_err(file(&self.target))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(file(&self.folder))?;
        // A note without its part says nothing to the next start.
        let _gone = fs::remove_file(&self.note_path);
        Ok(())
    }

    /// Leaves nothing.
    pub(super) fn discard(self) {
        let _gone = fs::remove_file(&self.path);
        let _gone = fs::remove_file(&self.note_path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(dir: &Path, source: &str) -> Result<Part, DownloadError> {
        Part::open(&dir.join("image.bin"), source)
    }

    #[test]
    fn a_part_goes_on_with_the_same_source_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut part = open(dir.path(), "a").unwrap();
        part.begin(Some("tag".into()), 6, Some(1)).unwrap();
        part.append(b"abc").unwrap();
        assert!(matches!(open(dir.path(), "a"), Err(DownloadError::InUse(_))));
        drop(part);
        let part = open(dir.path(), "a").unwrap();
        assert_eq!((part.len(), part.note().unwrap().etag.as_deref(), part.is_whole()), (3, Some("tag"), false));
        drop(part);
        let part = open(dir.path(), "b").unwrap();
        assert_eq!((part.len(), part.note()), (0, None));
    }

    #[test]
    fn a_part_without_note_or_longer_than_it_is_worth_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("image.bin.part"), "bytes").unwrap();
        assert_eq!(open(dir.path(), "a").unwrap().len(), 0);
        open(dir.path(), "a").unwrap().begin(Some("tag".into()), 3, None).unwrap();
        fs::write(dir.path().join("image.bin.part"), "bytes").unwrap();
        assert_eq!(open(dir.path(), "a").unwrap().len(), 0);
        open(dir.path(), "a").unwrap().begin(None, 9, None).unwrap();
        fs::write(dir.path().join("image.bin.part"), "bytes").unwrap();
        assert_eq!(open(dir.path(), "a").unwrap().len(), 0, "without a tag nothing can be joined to it");
    }

    #[test]
    fn the_whole_gets_its_name_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut part = open(dir.path(), "a").unwrap();
        part.begin(None, 3, None).unwrap();
        assert!(part.append(b"abcd").is_err());
        part.append(b"abc").unwrap();
        part.publish().unwrap();
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!((names, fs::read(dir.path().join("image.bin")).unwrap()), (vec!["image.bin".into()], b"abc".to_vec()));
        assert!(open(Path::new("/nowhere"), "a").is_err() && Part::open(dir.path(), "a").is_err());
    }
}
