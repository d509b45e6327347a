//! The open segment of one topic.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use domain::{Message, Timestamp};

use super::{Entry, segments};

/// A segment closes at this size: 64 MiB.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Segments kept of a topic: 16, together 1 GiB.
const KEPT_SEGMENTS: usize = 16;

pub(super) struct OpenTopic {
    dir: PathBuf,
    name: String,
    file: File,
    bytes: u64,
    next_offset: u64,
}

impl OpenTopic {
    /// Opens or creates the topic's folder, cuts a torn last line off and finds the next offset.
    pub(super) fn open(dir: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let (first, path) = segments(dir)?.pop().unwrap_or_else(|| (0, segment(dir, 0)));
        let file = OpenOptions::new().read(true).create(true).truncate(false).append(true).open(&path)?;
        let (bytes, lines) = whole_lines(&file)?;
        file.set_len(bytes)?;
        file.sync_all()?;
        sync_dirs(dir)?;
        Ok(Self { dir: dir.to_owned(), name: name.to_owned(), file, bytes, next_offset: first + lines })
    }

    /// Appends without syncing. Answers the offset of the first message and how many old segments went.
    pub(super) fn append(&mut self, messages: &[Message], now: Timestamp) -> io::Result<(u64, u64)> {
        let dropped = if self.bytes >= SEGMENT_BYTES { self.roll()? } else { 0 };
        let first = self.next_offset;
        let mut lines = Vec::with_capacity(messages.iter().map(|m| m.data.len() * 2 + 512).sum());
        for (offset, message) in (first..).zip(messages) {
            serde_json::to_writer(&mut lines, &Entry::new(&self.name, offset, now, message))?;
            lines.push(b'\n');
        }
        if let Err(e) = self.file.write_all(&lines) {
            // A full disk may have taken half a line: the next append must begin at a line's start.
            self.file.set_len(self.bytes)?;
            return Err(e);
        }
        self.bytes += lines.len() as u64;
        self.next_offset += messages.len() as u64;
        Ok((first, dropped))
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn roll(&mut self) -> io::Result<u64> {
        self.file.sync_all()?;
        self.file = OpenOptions::new().read(true).create_new(true).append(true).open(segment(&self.dir, self.next_offset))?;
        self.bytes = 0;
        let all = segments(&self.dir)?;
        let old = all.len().saturating_sub(KEPT_SEGMENTS);
        for (_, path) in &all[..old] {
            fs::remove_file(path)?;
        }
        sync_dirs(&self.dir)?;
        Ok(old as u64)
    }
}

fn segment(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.jsonl"))
}

/// The folder and its two parents: a new topic is three new names.
fn sync_dirs(dir: &Path) -> io::Result<()> {
    dir.ancestors().take(3).filter(|d| d.is_dir()).try_for_each(|d| File::open(d)?.sync_all())
}

/// How many bytes of the file are whole lines, and how many lines.
fn whole_lines(mut file: &File) -> io::Result<(u64, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let (mut bytes, mut lines, mut line) = (0, 0, Vec::new());
    let mut reader = BufReader::new(file);
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok((bytes, lines));
        }
        bytes += read as u64;
        lines += 1;
    }
}
