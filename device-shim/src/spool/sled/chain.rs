//! The chain of generations: the youngest is written to, the eldest is drained, both may be the same.

mod folder;
mod open;
mod upkeep;

use std::path::PathBuf;

pub(super) use self::folder::Cause;
use super::ballast::Ballast;
use super::batch::Batch;
use super::fault::Fault;
use super::generation::{Generation, Peeked};
use super::manifest::Manifest;
use super::position::Position;
use crate::spool::{PeekLimit, Seq, SpoolError, Stored};

/// Generations besides the youngest that stay open for reading. Each costs about 20 MB of memory; the drain needs one.
const OPEN_READERS: usize = 1;

/// Readings after which a generation is closed whatever its bytes, so that the places of a lost one can be skipped.
const GENERATION_READINGS: u64 = 1 << 24;

/// How often a generation may fail to be read, without being damaged, before it is set aside.
const READ_ATTEMPTS: u32 = 3;

pub(super) struct Chain {
    dir: PathBuf,
    generation_bytes: u64,
    /// In memory the youngest span's end and bytes are always current.
    manifest: Manifest,
    /// `None` while it cannot be opened.
    youngest: Option<Generation>,
    /// Other generations open for reading, by their first place; the last used comes last.
    readers: Vec<(Seq, Generation)>,
    failed_reads: u32,
    /// Acknowledged; durable with the next commit.
    watermark: Seq,
    /// Acknowledged and durable, here or there: in the position's file, the youngest generation or the manifest.
    saved: Seq,
    position: Position,
    set_aside_bytes: u64,
    ballast: Ballast,
}

impl Chain {
    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The place after the last committed reading.
    pub(super) fn end(&self) -> Seq {
        self.manifest.youngest().end
    }

    /// Everything below was given up, and the disk knows.
    pub(super) fn saved(&self) -> Seq {
        self.saved
    }

    /// Readings neither delivered nor evicted.
    pub(super) fn held(&self) -> u64 {
        self.manifest.generations.iter().map(|span| span.held(self.watermark)).sum()
    }

    /// Readings committed in the life of the spool.
    pub(super) fn accepted(&self) -> u64 {
        self.manifest.accepted_before + self.manifest.youngest().held(0)
    }

    /// Bytes of all generations, set-aside ones included.
    pub(super) fn bytes(&self) -> u64 {
        self.manifest.generations.iter().map(|span| span.bytes).sum::<u64>() + self.set_aside_bytes
    }

    /// Deletes the generations that were set aside: their bytes are needed.
    pub(super) fn delete_set_aside(&mut self) -> Result<(), SpoolError> {
        if self.set_aside_bytes > 0 {
            self.set_aside_bytes = folder::prune_corrupt(&self.dir, 0)?;
        }
        Ok(())
    }

    /// Whether the space for repairs on a full disk is set aside; without it nothing should be written.
    pub(super) fn has_ballast(&mut self) -> bool {
        self.ballast.is_there()
    }

    /// Makes `pending`, whose places begin at `first`, and the watermark durable. On `Err` nothing of `pending` is
    /// promised; the next call repairs.
    pub(super) fn commit(&mut self, pending: &Batch, first: Seq) -> Result<(), SpoolError> {
        self.writable()?;
        if first != self.end() {
            let reason = format!("a repair moved the next place from {first} to {}; append again", self.end());
            return Err(SpoolError::Storage(reason));
        }
        let (boot, watermark) = (self.manifest.boot, self.watermark);
        match self.writable()?.commit(boot, pending, watermark) {
            Ok(()) => {
                self.saved = self.saved.max(watermark);
                self.note_youngest();
                self.roll_when_full();
                Ok(())
            }
            Err(fault) => Err(self.lose_youngest(fault)),
        }
    }

    /// Makes the watermark durable by itself.
    pub(super) fn save_watermark(&mut self) -> Result<(), SpoolError> {
        let watermark = self.watermark;
        if watermark > self.saved {
            // In place: only a file system that copies on write may ask for space.
            self.with_ballast(|chain| Ok(chain.position.save(watermark)?))?;
            self.saved = watermark;
            if let Some(generation) = &mut self.youngest {
                generation.doom_below(watermark);
            }
        }
        Ok(())
    }

    /// The readings at `from` and after it. Sets damaged generations aside on the way.
    pub(super) fn read(&mut self, from: Seq, limit: PeekLimit) -> Result<Vec<Stored>, SpoolError> {
        let mut from = from.max(self.watermark);
        let mut peeked = Peeked::new(limit);
        while !peeked.is_full() {
            let Some(index) = self.manifest.generations.iter().position(|span| span.end > from) else {
                break;
            };
            let span = self.manifest.generations[index];
            let read = self.reader(index).and_then(|reader| reader.read(from.max(span.first), &mut peeked));
            match read {
                Ok(next) if next < span.end && !peeked.is_full() => {
                    self.missing(index, next, peeked.found.is_empty())?;
                }
                Ok(next) => {
                    self.failed_reads = 0;
                    from = next;
                    continue;
                }
                Err(fault) => self.unreadable(index, fault, peeked.found.is_empty())?,
            }
            if !peeked.found.is_empty() {
                break;
            }
        }
        Ok(peeked.found)
    }

    /// A generation ends before it should. What was found before that goes first.
    fn missing(&mut self, index: usize, next: Seq, nothing_found: bool) -> Result<(), SpoolError> {
        if nothing_found { self.set_aside(index, &format!("nothing is found at place {next}")) } else { Ok(()) }
    }

    fn unreadable(&mut self, index: usize, fault: Fault, nothing_found: bool) -> Result<(), SpoolError> {
        match fault {
            _ if !nothing_found => Ok(()),
            Fault::Damaged(reason) => self.set_aside(index, &reason),
            Fault::Failed(error) => {
                self.failed_reads += 1;
                let persistent = self.failed_reads >= READ_ATTEMPTS && error != SpoolError::DiskFull;
                if persistent { self.set_aside(index, &error.to_string()) } else { Err(error) }
            }
        }
    }

    fn reader(&mut self, index: usize) -> Result<&Generation, Fault> {
        let span = self.manifest.generations[index];
        if index + 1 == self.manifest.generations.len() {
            return Ok(&*self.writable()?);
        }
        let generation = match self.readers.iter().position(|(first, _)| *first == span.first) {
            Some(open) => self.readers.remove(open).1,
            None => {
                let path = self.dir.join(span.name());
                self.with_ballast(|_| Generation::open(&path, span.first))?
            }
        };
        self.keep_reader(span.first, generation);
        self.readers.last().map(|(_, generation)| generation).ok_or_else(|| Fault::Damaged("no reader".into()))
    }

    fn keep_reader(&mut self, first: Seq, generation: Generation) {
        if self.readers.len() >= OPEN_READERS {
            self.readers.remove(0);
        }
        self.readers.push((first, generation));
    }

    /// The youngest generation, opened again if a failure closed it.
    fn writable(&mut self) -> Result<&mut Generation, SpoolError> {
        if self.youngest.is_none() {
            self.open_youngest()?;
        }
        self.youngest.as_mut().ok_or_else(|| SpoolError::Storage("the youngest generation is closed".into()))
    }

    fn note_youngest(&mut self) {
        if let (Some(generation), Some(span)) = (&self.youngest, self.manifest.generations.last_mut()) {
            span.end = generation.end();
            span.bytes = generation.bytes();
        }
    }

    /// Runs `work`, and once more with the ballast's space if the disk was full.
    fn with_ballast<T>(&mut self, mut work: impl FnMut(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        match work(self) {
            Err(Fault::Failed(SpoolError::DiskFull)) => {
                self.ballast.release()?;
                work(self)
            }
            outcome => outcome,
        }
    }
}
