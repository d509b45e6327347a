//! The plainest durable queue: segment files that only grow, one fdatasync a commit.
//!
//! A record is length (u32), CRC-32 (u32), place (u64) and payload. Segments of 64 MiB are deleted once drained; the
//! position stands in a file of its own.

use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use device_shim::spool::Reading;

use crate::store::{SAVE_EVERY, Store};

const SEGMENT_BYTES: u64 = 64 << 20;
const HEADER_BYTES: usize = 16;

pub(crate) struct Log {
    dir: PathBuf,
    /// Numbers of the segment read, and of the one written.
    eldest: u64,
    youngest: u64,
    file: File,
    bytes: u64,
    next: u64,
    buffer: Vec<u8>,
    reader: Option<BufReader<File>>,
    position: File,
    drained: u64,
    unsaved: u64,
}

impl Log {
    /// Opens the log: reads the position and the whole youngest segment, checking every record.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let position = File::options().read(true).write(true).create(true).truncate(false).open(dir.join("position"))?;
        let mut numbers: Vec<u64> =
            fs::read_dir(dir)?.filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_prefix("segment")?.parse().ok()).collect();
        numbers.sort_unstable();
        let (eldest, youngest) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
        let path = segment(dir, youngest);
        let file = File::options().append(true).create(true).open(&path)?;
        let (mut bytes, mut next) = (0, 0);
        let mut reader = BufReader::new(File::open(&path)?);
        while let Some((place, payload)) = read_record(&mut reader)? {
            next = place + 1;
            bytes += (HEADER_BYTES + payload.len()) as u64;
        }
        File::open(dir)?.sync_all()?;
        let dir = dir.to_owned();
        Ok(Self { dir, eldest, youngest, file, bytes, next, buffer: vec![], reader: None, position, drained: 0, unsaved: 0 })
    }

    fn roll(&mut self) -> Result<()> {
        self.youngest += 1;
        self.file = File::options().append(true).create(true).open(segment(&self.dir, self.youngest))?;
        self.bytes = 0;
        Ok(File::open(&self.dir)?.sync_all()?)
    }

    /// The next record of the eldest segment, and of the one after it, deleting what is drained.
    fn next_record(&mut self) -> Result<Option<(u64, Vec<u8>)>> {
        loop {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => self.reader.insert(BufReader::with_capacity(1 << 16, File::open(segment(&self.dir, self.eldest))?)),
            };
            if let Some(record) = read_record(reader)? {
                return Ok(Some(record));
            }
            if self.eldest == self.youngest {
                return Ok(None);
            }
            fs::remove_file(segment(&self.dir, self.eldest))?;
            self.eldest += 1;
            self.reader = None;
        }
    }
}

impl Store for Log {
    fn commit(&mut self, group: &[Reading]) -> Result<()> {
        self.buffer.clear();
        for Reading { payload, .. } in group {
            self.buffer.extend_from_slice(&(payload.len() as u32).to_le_bytes());
            self.buffer.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
            self.buffer.extend_from_slice(&self.next.to_le_bytes());
            self.buffer.extend_from_slice(payload);
            self.next += 1;
        }
        self.file.write_all(&self.buffer)?;
        self.file.sync_data()?;
        self.bytes += self.buffer.len() as u64;
        if self.bytes >= SEGMENT_BYTES { self.roll() } else { Ok(()) }
    }

    fn drain(&mut self, count: usize) -> Result<u64> {
        let mut drained = 0;
        while drained < count as u64 {
            let Some((place, _)) = self.next_record()? else { break };
            self.drained = place + 1;
            drained += 1;
        }
        self.unsaved += drained;
        if self.unsaved >= SAVE_EVERY {
            self.unsaved = 0;
            self.position.write_all_at(&self.drained.to_le_bytes(), 0)?;
            self.position.sync_data()?;
        }
        Ok(drained)
    }

    fn first(&mut self) -> Result<bool> {
        Ok(self.next_record()?.is_some())
    }
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("segment{number:08}"))
}

fn read_record(reader: &mut impl Read) -> Result<Option<(u64, Vec<u8>)>> {
    let mut header = [0; HEADER_BYTES];
    match reader.read_exact(&mut header) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        outcome => outcome?,
    }
    let (len, rest) = header.split_at(4);
    let (sum, place) = rest.split_at(4);
    let mut payload = vec![0; u32::from_le_bytes(len.try_into()?) as usize];
    reader.read_exact(&mut payload)?;
    ensure!(crc32fast::hash(&payload) == u32::from_le_bytes(sum.try_into()?), "a damaged record");
    Ok(Some((u64::from_le_bytes(place.try_into()?), payload)))
}
