//! Opening a chain, and its youngest generation again after a failure.

use std::fs;
use std::io;
use std::path::Path;

use super::folder::{self, Cause};
use super::{Chain, GENERATION_READINGS};
use crate::spool::sled::ballast::Ballast;
use crate::spool::sled::fault::Fault;
use crate::spool::sled::generation::Generation;
use crate::spool::sled::manifest::{Manifest, Span, sync_dir};
use crate::spool::sled::options::{FullPolicy, SledOptions};
use crate::spool::sled::position::Position;
use crate::spool::{Seq, SpoolError};

const BALLAST: &str = "ballast";
const POSITION: &str = "acknowledged";

impl Chain {
    /// Opens or creates the chain in `dir` and counts one boot. Opens the youngest generation only.
    pub(in crate::spool::sled) fn open(dir: &Path, options: &SledOptions) -> Result<Self, SpoolError> {
        fs::create_dir_all(dir)?;
        let mut ballast = Ballast::new(dir.join(BALLAST), options.ballast_bytes);
        let position = open_position(dir, &mut ballast)?;
        let mut manifest = Manifest::load(dir)?;
        manifest.watermark = manifest.watermark.max(position.saved());
        let manifest = reconcile(dir, manifest);
        folder::remove_left_overs(dir, &manifest)?;
        ballast.retry();
        let mut chain = Self {
            dir: dir.to_owned(),
            generation_bytes: options.generation_bytes,
            watermark: manifest.watermark,
            saved: manifest.watermark,
            position,
            manifest,
            youngest: None,
            readers: Vec::new(),
            failed_reads: 0,
            set_aside_bytes: folder::prune_corrupt(dir, folder::CORRUPT_KEPT)?,
            ballast,
        };
        chain.manifest.boot += 1;
        chain.open_making_room(options.when_full)?;
        chain.save_manifest()?;
        chain.retire(chain.watermark)?;
        chain.ballast.retry();
        chain.has_ballast();
        Ok(chain)
    }

    /// A full disk without ballast: what was set aside goes first; then only giving up readings lets the spool open, if that is the
    /// policy.
    fn open_making_room(&mut self, when_full: FullPolicy) -> Result<(), SpoolError> {
        loop {
            match self.open_youngest() {
                Err(SpoolError::DiskFull) if self.set_aside_bytes > 0 => self.delete_set_aside()?,
                Err(SpoolError::DiskFull) if when_full == FullPolicy::DropOldestGeneration && self.manifest.generations.len() > 1 => {
                    self.evict_oldest(Cause::DiskFull)?;
                }
                outcome => return outcome,
            }
        }
    }

    /// Opens the youngest generation, setting a damaged one aside.
    pub(super) fn open_youngest(&mut self) -> Result<(), SpoolError> {
        let span = self.manifest.youngest();
        let path = self.dir.join(span.name());
        match self.with_ballast(|_| Generation::open(&path, span.first)) {
            Ok(generation) => {
                self.saved = self.saved.max(generation.watermark());
                self.watermark = self.watermark.max(self.saved);
                // What was given up was there, whatever the manifest knows of it.
                let span = Span { end: span.end.max(self.saved), ..span };
                let missing = span.end.saturating_sub(generation.end());
                self.youngest = Some(generation);
                self.note_youngest();
                if missing > 0 { self.skip_missing(span) } else { Ok(()) }
            }
            Err(Fault::Damaged(reason)) => self.set_aside(self.manifest.generations.len() - 1, &reason),
            Err(Fault::Failed(error)) => Err(error),
        }
    }

    /// The disk has lost the end of the youngest generation, of which the manifest knew. What is left of it is read;
    /// writing goes on behind the places that were given.
    fn skip_missing(&mut self, known: Span) -> Result<(), SpoolError> {
        let found = self.manifest.youngest().end;
        tracing::error!(from = found, to = known.end, "The disk lost readings that were saved; they are counted as corrupt");
        self.manifest.evicted.corrupt += known.end - found.max(self.watermark).min(known.end);
        self.manifest.accepted_before += known.end - found;
        self.roll_to(known.end)
    }
}

/// The file of the acknowledged position. Only its creation needs space.
fn open_position(dir: &Path, ballast: &mut Ballast) -> Result<Position, SpoolError> {
    let path = dir.join(POSITION);
    match Position::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            ballast.release()?;
            Ok(Position::open(&path)?)
        }
        outcome => Ok(outcome?),
    }
}

/// Brings the manifest in line with what a crash left in the middle of setting a generation aside or of retiring it.
fn reconcile(dir: &Path, mut manifest: Manifest) -> Manifest {
    let youngest = manifest.youngest();
    for span in std::mem::take(&mut manifest.generations) {
        let was_set_aside = folder::corrupt(dir, &span).is_dir();
        if dir.join(span.name()).is_dir() || (span == youngest && !was_set_aside) {
            manifest.generations.push(span);
        } else if was_set_aside {
            manifest.evicted.corrupt += span.held(manifest.watermark);
            manifest.quarantined += 1;
        } else {
            if let Some(cause) = Cause::ALL.into_iter().find(|cause| folder::evicted(dir, &span, *cause).is_dir()) {
                *cause.count(&mut manifest.evicted) += span.held(manifest.watermark);
            }
            manifest.watermark = manifest.watermark.max(span.end);
        }
    }
    if manifest.generations.last() != Some(&youngest) {
        manifest.accepted_before += youngest.held(0);
        manifest.generations.push(Span::at(behind(&youngest)));
    }
    manifest
}

/// A place behind every one that a lost youngest generation can have given.
pub(super) fn behind(lost: &Span) -> Seq {
    lost.end.max(lost.first + GENERATION_READINGS)
}

/// Moves a generation's folder and makes that durable.
pub(super) fn rename_durably(dir: &Path, from: &Path, to: &Path) -> Result<(), Fault> {
    fs::rename(from, to)?;
    Ok(sync_dir(dir)?)
}
