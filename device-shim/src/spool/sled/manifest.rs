//! The list of generations and the account, in one small file that is replaced whole.
//!
//! First line: the CRC-32 of the rest in hexadecimal. Then JSON. Written beside, synced, renamed, folder synced: after
//! a crash either the old one or the new one is there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::spool::{Evicted, Seq};

const FILE: &str = "manifest";
const GENERATION: char = 'g';

/// What is known without opening a generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Openings so far.
    pub(super) boot: u32,
    /// Everything below is delivered or evicted. The youngest generation may know a higher watermark.
    pub(super) watermark: Seq,
    /// Readings accepted in generations before the youngest.
    pub(super) accepted_before: u64,
    pub(super) evicted: Evicted,
    pub(super) quarantined: u64,
    /// Oldest first; the last one is the youngest, which is written to. Never empty.
    pub(super) generations: Vec<Span>,
}

/// One generation: the places `first..end` and the bytes it takes. The youngest has grown since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    pub(super) first: Seq,
    pub(super) end: Seq,
    pub(super) bytes: u64,
}

impl Span {
    pub(super) fn at(first: Seq) -> Self {
        Self { first, end: first, bytes: 0 }
    }

    /// Its folder's name.
    pub(super) fn name(&self) -> String {
        format!("{GENERATION}{:016x}", self.first)
    }

    /// Its readings that are neither delivered nor evicted.
    pub(super) fn held(&self, watermark: Seq) -> u64 {
        self.end.saturating_sub(self.first.max(watermark))
    }
}

impl Manifest {
    /// The manifest in `dir`. Without one, or with a damaged one, a new one that lists the generations found there:
    /// their readings are kept, the history of the account is not.
    pub(super) fn load(dir: &Path) -> io::Result<Self> {
        match fs::read(dir.join(FILE)) {
            Ok(bytes) => parse(&bytes).map_or_else(|| rebuild(dir), Ok),
            Err(error) if error.kind() == io::ErrorKind::NotFound => rebuild(dir),
            Err(error) => Err(error),
        }
    }

    /// Replaces the manifest in `dir`; also makes every earlier rename in `dir` durable.
    pub(super) fn save(&self, dir: &Path) -> io::Result<()> {
        let json = serde_json::to_string_pretty(self)?;
        let beside = dir.join("manifest.new");
        let mut file = File::create(&beside)?;
        write!(file, "{:08x}\n{json}", crc32fast::hash(json.as_bytes()))?;
        file.sync_all()?;
        fs::rename(beside, dir.join(FILE))?;
        sync_dir(dir)
    }

    /// The generation that is written to.
    pub(super) fn youngest(&self) -> Span {
        self.generations.last().copied().unwrap_or_default()
    }
}

fn parse(bytes: &[u8]) -> Option<Manifest> {
    let (sum, json) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let intact = u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(json.as_bytes());
    let manifest: Manifest = intact.then(|| serde_json::from_str(json).ok())??;
    (!manifest.generations.is_empty()).then_some(manifest)
}

fn rebuild(dir: &Path) -> io::Result<Manifest> {
    let mut firsts: Vec<Seq> = generations_in(dir)?.into_iter().map(|(first, _)| first).collect();
    firsts.sort_unstable();
    if !firsts.is_empty() {
        tracing::error!(generations = firsts.len(), "The spool's manifest is damaged: its readings are kept, its counters start again");
    }
    let ends = firsts.iter().skip(1).copied().chain(firsts.last().copied());
    let mut generations: Vec<Span> = firsts.iter().zip(ends).map(|(first, end)| Span { first: *first, end, bytes: 0 }).collect();
    let accepted_before = generations.iter().map(|span| span.held(0)).sum();
    if generations.is_empty() {
        generations.push(Span::at(0));
    }
    Ok(Manifest { generations, accepted_before, ..Manifest::default() })
}

/// The generation folders in `dir`, with their first places.
pub(super) fn generations_in(dir: &Path) -> io::Result<Vec<(Seq, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let first = name.to_str().and_then(|name| name.strip_prefix(GENERATION));
        if let Some(first) = first.and_then(|first| Seq::from_str_radix(first, 16).ok()) {
            found.push((first, entry.path()));
        }
    }
    Ok(found)
}

/// Makes the entries of `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_a_damaged_one_is_rebuilt_from_the_folders() {
        let dir = tempfile::tempdir().expect("a folder");
        let fresh = Manifest::load(dir.path()).expect("rebuilt");
        assert_eq!(fresh.generations, [Span::at(0)]);

        let saved = Manifest { boot: 3, watermark: 7, ..fresh };
        saved.save(dir.path()).expect("saved");
        assert_eq!(Manifest::load(dir.path()).expect("loaded"), saved);

        for first in [0, 500] {
            fs::create_dir(dir.path().join(Span::at(first).name())).expect("created");
        }
        fs::write(dir.path().join(FILE), b"00000000\n{}").expect("damaged");
        let rebuilt = Manifest::load(dir.path()).expect("rebuilt");
        assert_eq!(rebuilt.generations, [Span { first: 0, end: 500, bytes: 0 }, Span::at(500)]);
        assert_eq!((rebuilt.accepted_before, rebuilt.boot), (500, 0));
    }
}
