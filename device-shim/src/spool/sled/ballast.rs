//! A file that is only there to be deleted: sled cannot be opened on a full disk, so space for that is set aside.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the space is asked for again while the disk is full.
const RETRY_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Ballast {
    path: PathBuf,
    bytes: u64,
    /// When it may be tried again, while it is not there.
    missing_until: Option<Instant>,
}

impl Ballast {
    pub(super) fn new(path: PathBuf, bytes: u64) -> Self {
        let there = fs::metadata(&path).is_ok_and(|file| file.len() == bytes);
        Self { path, bytes, missing_until: (!there).then(Instant::now) }
    }

    /// Gives the space to whoever writes next.
    pub(super) fn release(&mut self) -> io::Result<()> {
        self.missing_until = Some(Instant::now() + RETRY_EVERY);
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether all of the space is set aside, asking for it at most once a second; at once after [`retry`](Self::retry).
    pub(super) fn is_there(&mut self) -> bool {
        match self.missing_until {
            None => true,
            Some(at) if Instant::now() < at => false,
            Some(_) => self.fill().is_ok(),
        }
    }

    /// Space was freed: the next question asks the disk.
    pub(super) fn retry(&mut self) {
        self.missing_until = self.missing_until.map(|_| Instant::now());
    }

    /// Takes the space, or what is left of it: better our restart than somebody else's file.
    fn fill(&mut self) -> io::Result<()> {
        self.missing_until = Some(Instant::now() + RETRY_EVERY);
        write_zeros(&self.path, self.bytes)?;
        self.missing_until = None;
        Ok(())
    }
}

fn write_zeros(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let block = [0; 64 << 10];
    let mut left = bytes;
    while left > 0 {
        let now = left.min(block.len() as u64);
        file.write_all(&block[..now as usize])?;
        left -= now;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_filled_given_up_and_asked_for_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ballast");
        let mut ballast = Ballast::new(path.clone(), 100_000);
        assert!(ballast.is_there());
        assert_eq!(fs::metadata(&path).expect("written").len(), 100_000);
        ballast.release().expect("deleted");
        assert!(!path.exists() && !ballast.is_there());
        ballast.retry();
        assert!(ballast.is_there() && Ballast::new(path, 100_000).is_there());
    }
}
