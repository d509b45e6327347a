//! What changes the list of generations: roll, retire, evict, set aside.

use std::fs;

use super::folder::{self, Cause};
use super::open::{behind, rename_durably};
use super::{Chain, GENERATION_READINGS};
use crate::spool::sled::batch::Batch;
use crate::spool::sled::fault::Fault;
use crate::spool::sled::generation::Generation;
use crate::spool::sled::manifest::{Manifest, Span, sync_dir};
use crate::spool::{Seq, SpoolError};

impl Chain {
    /// Begins a new generation when the youngest has its size. A failure is tried again with the next commit.
    pub(super) fn roll_when_full(&mut self) {
        let youngest = self.manifest.youngest();
        if youngest.bytes < self.generation_bytes && youngest.held(0) < GENERATION_READINGS {
            return;
        }
        if let Err(error) = self.roll_to(youngest.end) {
            tracing::warn!(%error, "Could not begin a new generation of the spool; the old one grows");
        }
    }

    /// Begins a generation at `first`. It becomes part of the chain when the manifest lists it.
    pub(super) fn roll_to(&mut self, first: Seq) -> Result<(), SpoolError> {
        let span = Span::at(first);
        let mut next = self.manifest.clone();
        next.accepted_before += next.youngest().held(0);
        next.generations.push(span);
        let generation = self.begin(span, &next)?;
        let old = self.manifest.youngest();
        self.manifest = next;
        let sealed = self.youngest.replace(generation);
        let is_drained_now = (old.first + 1..=old.end).contains(&self.watermark);
        if let Some(sealed) = sealed.filter(|_| is_drained_now) {
            self.keep_reader(old.first, sealed);
        }
        self.note_youngest();
        Ok(())
    }

    /// Creates the generation of `span` and saves `next`, which lists it.
    fn begin(&mut self, span: Span, next: &Manifest) -> Result<Generation, Fault> {
        let path = self.dir.join(span.name());
        self.with_ballast(|chain| {
            let mut generation = Generation::open(&path, span.first)?;
            generation.commit(next.boot, &Batch::default(), chain.watermark)?;
            next.save(&chain.dir)?;
            Ok(generation)
        })
    }

    /// Acknowledges everything below `below`. A drained generation is renamed and the folder synced before the
    /// watermark that passes its end is saved: it must not come back below a watermark that has moved on. It is deleted
    /// before the manifest is written, which may need its space; a crash in between finds it gone, and knows what that means.
    pub(in crate::spool::sled) fn retire(&mut self, below: Seq) -> Result<(), SpoolError> {
        let below = below.min(self.end());
        let drained = self.drained_below(below);
        for span in &drained {
            self.readers.retain(|(first, _)| *first != span.first);
            fs::rename(self.dir.join(span.name()), folder::drained(&self.dir, span))?;
            self.manifest.generations.remove(0);
            self.manifest.watermark = self.manifest.watermark.max(span.end);
        }
        self.watermark = self.watermark.max(below);
        if drained.is_empty() { Ok(()) } else { self.delete_drained(&drained) }
    }

    fn delete_drained(&mut self, drained: &[Span]) -> Result<(), SpoolError> {
        sync_dir(&self.dir)?;
        for span in drained {
            fs::remove_dir_all(folder::drained(&self.dir, span))?;
        }
        match self.save_manifest() {
            // It is saved with the next change of the list; until then what is drained is known by its absence.
            Err(SpoolError::DiskFull) => {}
            outcome => outcome?,
        }
        self.ballast.retry();
        Ok(())
    }

    /// Saves the list of generations and the account, with the ballast's space if need be.
    pub(super) fn save_manifest(&mut self) -> Result<(), SpoolError> {
        self.with_ballast(|chain| Ok(chain.manifest.save(&chain.dir)?))?;
        self.saved = self.saved.max(self.manifest.watermark);
        Ok(())
    }

    fn drained_below(&self, below: Seq) -> Vec<Span> {
        let (_, sealed) = self.manifest.generations.split_last().unwrap_or((&Span { first: 0, end: 0, bytes: 0 }, &[]));
        sealed.iter().take_while(|span| span.end <= below).copied().collect()
    }

    /// Gives up the oldest generation and counts its readings by `cause`. Its bytes are freed before anything is
    /// written; its emptied folder tells a crash in between what happened.
    pub(in crate::spool::sled) fn evict_oldest(&mut self, cause: Cause) -> Result<(), SpoolError> {
        if self.manifest.generations.len() == 1 {
            self.roll_to(self.end())?;
        }
        let span = self.manifest.generations[0];
        let lost = span.held(self.watermark);
        let folder = folder::evicted(&self.dir, &span, cause);
        self.readers.retain(|(first, _)| *first != span.first);
        rename_durably(&self.dir, &self.dir.join(span.name()), &folder)?;
        tracing::warn!(readings = lost, bytes = span.bytes, ?cause, "Gave up the oldest generation of the spool");
        self.manifest.generations.remove(0);
        *cause.count(&mut self.manifest.evicted) += lost;
        self.watermark = self.watermark.max(span.end);
        self.manifest.watermark = self.watermark;
        folder::empty(&folder)?;
        self.save_manifest()?;
        fs::remove_dir_all(folder)?;
        self.ballast.retry();
        Ok(())
    }

    /// Sets the damaged generation at `index` aside and counts its readings. In place of the youngest a new one begins,
    /// behind every place that the lost one can have given.
    pub(super) fn set_aside(&mut self, index: usize, reason: &str) -> Result<(), SpoolError> {
        let mut next = self.manifest.clone();
        let span = next.generations.remove(index);
        let lost = span.held(self.watermark);
        next.evicted.corrupt += lost;
        next.quarantined += 1;
        if index == 0 {
            next.watermark = self.watermark.max(span.end);
        }
        tracing::error!(generation = span.name(), readings = lost, reason, "Set a damaged generation of the spool aside");
        self.readers.retain(|(first, _)| *first != span.first);
        let is_youngest = index + 1 == self.manifest.generations.len();
        let was_open = is_youngest && self.youngest.take().is_some();
        rename_durably(&self.dir, &self.dir.join(span.name()), &folder::corrupt(&self.dir, &span))?;
        if is_youngest {
            let first = if was_open { span.end } else { behind(&span) };
            next.accepted_before += span.held(0);
            next.generations.push(Span::at(first));
            self.youngest = Some(self.begin(Span::at(first), &next)?);
        } else {
            self.with_ballast(|chain| Ok(next.save(&chain.dir)?))?;
        }
        self.watermark = self.watermark.max(next.watermark);
        self.manifest = next;
        self.note_youngest();
        self.set_aside_bytes = folder::prune_corrupt(&self.dir, folder::CORRUPT_KEPT)?;
        Ok(())
    }

    /// A commit failed: the handle is worthless. Opens the generation again, with the ballast's space if need be.
    pub(super) fn lose_youngest(&mut self, fault: Fault) -> SpoolError {
        self.youngest = None;
        let outcome = match &fault {
            Fault::Damaged(reason) => self.set_aside(self.manifest.generations.len() - 1, reason),
            Fault::Failed(SpoolError::DiskFull) => self.ballast.release().map_err(SpoolError::from).and_then(|()| self.open_youngest()),
            Fault::Failed(_) => self.open_youngest(),
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "Could not repair the spool; trying again with the next commit");
        }
        fault.into()
    }
}
