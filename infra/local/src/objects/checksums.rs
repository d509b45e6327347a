//! CRC32C of files, computed once per generation.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::place::Stamp;

/// Checksums remembered, some 200 bytes each. At the limit all are forgotten, and counted.
pub const MAX_CHECKSUMS: usize = 4096;

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 * 1024;

#[derive(Default)]
pub(super) struct Checksums {
    known: Mutex<HashMap<PathBuf, (Stamp, u32)>>,
    forgotten: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checksums {
    /// The checksum of the file at `path`, as it was at `stamp`; `None` when it has changed since. Blocks.
    pub(super) fn of(&self, path: &Path, stamp: Stamp) -> io::Result<Option<u32>> {
        if let Some(known) = self.known(path, stamp) {
            return Ok(Some(known));
        }
        let computed = compute(path, stamp)?;
        if let Some(crc32c) = computed {
            self.remember(path, stamp, crc32c);
        }
        Ok(computed)
    }

    pub(super) fn remember(&self, path: &Path, stamp: Stamp, crc32c: u32) {
        let mut known = lock(&self.known);
        if known.len() >= MAX_CHECKSUMS && !known.contains_key(path) {
            self.forgotten.fetch_add(known.len() as u64, Ordering::Relaxed);
            known.clear();
        }
        known.insert(path.to_owned(), (stamp, crc32c));
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The checksum, if nothing has to be read for it.
    pub(super) fn known(&self, path: &Path, stamp: Stamp) -> Option<u32> {
        lock(&self.known).get(path).filter(|(at, _)| *at == stamp).map(|(_, crc32c)| *crc32c)
    }
}

fn compute(path: &Path, stamp: Stamp) -> io::Result<Option<u32>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let (mut crc32c, mut chunk) = (0, vec![0; CHUNK_BYTES]);
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => crc32c = crc32c::crc32c_append(crc32c, &chunk[..n]),
        }
    }
    Ok((Stamp::of(&file.metadata()?) == Some(stamp)).then_some(crc32c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_forgotten_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        std::fs::write(&file, "123456789").unwrap();
        let stamp = Stamp::of(&std::fs::metadata(&file).unwrap()).unwrap();
        let checksums = Checksums::default();
        assert_eq!(checksums.of(&file, stamp).unwrap(), Some(0xE306_9283), "the check value of CRC-32C");
        for n in 0..MAX_CHECKSUMS {
            checksums.remember(Path::new(&n.to_string()), stamp, 0);
        }
        assert_eq!((checksums.forgotten(), checksums.known(&file, stamp)), (MAX_CHECKSUMS as u64, None));
        std::fs::write(&file, "other").unwrap();
        assert_eq!(checksums.of(&file, stamp).unwrap(), None, "the file is another by now");
    }
}
