//! The reading side: follows a topic from any offset.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use protocol::TopicName;

use super::{Entry, segments, topic_dir};

/// Reads a topic's messages in order. At the end it answers `None`; call again later to go on.
pub struct TopicReader {
    dir: PathBuf,
    open: Option<(u64, BufReader<File>)>,
    /// Bytes of a line that was not whole at the last look.
    partial: Vec<u8>,
    from: u64,
}

impl TopicReader {
    /// A reader of `topic` in the log under `root`, from the message at offset `from` on. The topic need not exist yet.
    pub fn new(root: &Path, topic: &TopicName, from: u64) -> Self {
        Self { dir: topic_dir(root, topic), open: None, partial: Vec::new(), from }
    }

    /// The next message, or `None` when there is none yet.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            if self.open.is_none() && !self.open_segment(self.from)? {
                return Ok(None);
            }
            let Some((first, reader)) = &mut self.open else { return Ok(None) };
            let first = *first;
            reader.read_until(b'\n', &mut self.partial)?;
            if self.partial.last() == Some(&b'\n') {
                let entry: Entry = serde_json::from_slice(&self.partial)?;
                self.partial.clear();
                if entry.offset >= self.from {
                    self.from = entry.offset + 1;
                    return Ok(Some(entry));
                }
            } else if !self.advance(first)? {
                return Ok(None);
            }
        }
    }

    /// Moves on to the segment after the one that began at `first`; false when there is none.
    fn advance(&mut self, first: u64) -> io::Result<bool> {
        let Some((next, path)) = segments(&self.dir)?.into_iter().find(|(f, _)| *f > first) else { return Ok(false) };
        self.partial.clear();
        self.open = Some((next, BufReader::new(File::open(path)?)));
        Ok(true)
    }

    /// Opens the segment that holds `offset`, or the eldest after it.
    fn open_segment(&mut self, offset: u64) -> io::Result<bool> {
        let all = match segments(&self.dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        let at = all.partition_point(|(first, _)| *first <= offset).saturating_sub(1);
        let Some((first, path)) = all.into_iter().nth(at) else { return Ok(false) };
        self.open = Some((first, BufReader::new(File::open(path)?)));
        Ok(true)
    }
}
