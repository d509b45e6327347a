//! The spool's folder: what stands there, what a crash left, what must go.
//!
//! `manifest`, `acknowledged` (the position), `ballast`, `g<first place>` for each generation; `drained-g…`, `evicted-…` and `g…` outside the manifest
//! are about to be deleted; `corrupt-g…` are set aside for whoever wants to look.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::spool::Evicted;
use crate::spool::sled::manifest::{Manifest, Span, generations_in};

const DRAINED: &str = "drained-";
const CORRUPT: &str = "corrupt-";

/// Why a generation is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::spool::sled) enum Cause {
    Quota,
    DiskFull,
}

impl Cause {
    pub(super) const ALL: [Self; 2] = [Self::Quota, Self::DiskFull];

    fn prefix(self) -> &'static str {
        match self {
            Self::Quota => "evicted-quota-",
            Self::DiskFull => "evicted-disk-",
        }
    }

    /// The counter of this cause.
    pub(super) fn count(self, evicted: &mut Evicted) -> &mut u64 {
        match self {
            Self::Quota => &mut evicted.quota,
            Self::DiskFull => &mut evicted.disk_full,
        }
    }
}

/// Set-aside generations that are kept; older ones are deleted, and remain counted.
pub(super) const CORRUPT_KEPT: usize = 2;

pub(super) fn drained(dir: &Path, span: &Span) -> PathBuf {
    dir.join(format!("{DRAINED}{}", span.name()))
}

pub(super) fn corrupt(dir: &Path, span: &Span) -> PathBuf {
    dir.join(format!("{CORRUPT}{}", span.name()))
}

pub(super) fn evicted(dir: &Path, span: &Span, cause: Cause) -> PathBuf {
    dir.join(format!("{}{}", cause.prefix(), span.name()))
}

/// Deletes what is in `dir` and keeps its name.
pub(super) fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}

/// Deletes drained and evicted generations and those that the manifest does not list.
pub(super) fn remove_left_overs(dir: &Path, manifest: &Manifest) -> io::Result<()> {
    for prefix in [DRAINED, Cause::Quota.prefix(), Cause::DiskFull.prefix()] {
        for path in named(dir, prefix)? {
            fs::remove_dir_all(path)?;
        }
    }
    for (first, path) in generations_in(dir)? {
        if !manifest.generations.iter().any(|span| span.first == first) {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

/// Deletes all but the youngest `keep` set-aside generations and returns the bytes of those kept.
pub(super) fn prune_corrupt(dir: &Path, keep: usize) -> io::Result<u64> {
    let mut found = named(dir, CORRUPT)?;
    found.sort();
    let excess = found.len().saturating_sub(keep);
    for path in found.drain(..excess) {
        fs::remove_dir_all(path)?;
    }
    found.iter().map(|path| bytes_of(path)).sum()
}

/// Bytes of the files in `dir`.
pub(super) fn bytes_of(dir: &Path) -> io::Result<u64> {
    fs::read_dir(dir)?
        .map(|entry| {
            let file = entry?.metadata()?;
            Ok(if file.is_file() { file.len() } else { 0 })
        })
        .sum()
}

fn named(dir: &Path, prefix: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
