//! The spool against an ideal one: any order of appends, commits, peeks, acknowledgements, restarts, crashes, torn
//! writes and full disks. Runs on an ext4 of its own so that the disk can be filled; needs root, as
//! `spool_power_cut.rs` does. `PROPTEST_CASES` sets the number of cases, 25 by default.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod spool_support;

use std::fs;
use std::path::{Path, PathBuf};

use device_shim::spool::sled::{FullPolicy, SledOptions, SledSpool};
use device_shim::spool::{PeekLimit, Seq, Spool, SpoolError};
use loop_disk::{Disk, Filler};
use proptest::prelude::*;
use spool_support::{SMALL, all_from, assert_exact, assert_readings, open, reading};
use tempfile::TempDir;

#[derive(Clone, Debug)]
enum Action {
    /// So many readings of such a size.
    Append(u64, usize),
    Commit,
    /// From this share of what is held, so many readings.
    Peek(f64, usize),
    /// This share of what is held.
    Ack(f64),
    Reopen,
    /// The process is killed: the files stay as they are.
    Crash,
    /// The power goes during a commit: of the bytes it changed, those before this share reached the disk.
    TornWrite(f64),
    FillDisk,
    FreeDisk,
}

fn action() -> impl Strategy<Value = Action> {
    let size = prop_oneof![6 => 8_usize..600, 2 => 3_000_usize..9_000, 1 => 20_000_usize..70_000];
    prop_oneof![
        10 => (1_u64..40, size).prop_map(|(count, size)| Action::Append(count, size)),
        10 => Just(Action::Commit),
        4 => (0.0..1.0, 1_usize..500).prop_map(|(share, count)| Action::Peek(share, count)),
        5 => (0.0..1.0).prop_map(Action::Ack),
        2 => Just(Action::Reopen),
        2 => Just(Action::Crash),
        2 => (0.0..1.0).prop_map(Action::TornWrite),
        1 => Just(Action::FillDisk),
        1 => Just(Action::FreeDisk),
    ]
}

/// The real spool, and what an ideal one would know. A reading's content follows from its place.
struct World {
    disk: PathBuf,
    spool: Option<SledSpool>,
    options: SledOptions,
    /// Durable readings are those below.
    end: Seq,
    /// Appended after them.
    pending: u64,
    acknowledged: Seq,
    /// What the spool says of acknowledgements that are durable.
    saved: Seq,
    filler: Option<Filler>,
}

impl World {
    fn new(disk: &Path, when_full: FullPolicy) -> Self {
        let options = SledOptions { when_full, ballast_bytes: 4 << 20, ..SMALL };
        let mut world = Self { disk: disk.to_owned(), spool: None, options, end: 0, pending: 0, acknowledged: 0, saved: 0, filler: None };
        world.spool = Some(open(&world.dir(), options));
        world
    }

    fn dir(&self) -> PathBuf {
        self.disk.join("spool")
    }

    fn spool(&mut self) -> &mut SledSpool {
        self.spool.as_mut().expect("open")
    }

    fn apply(&mut self, action: &Action) {
        match *action {
            Action::Append(count, size) => self.append(count, size),
            Action::Commit => self.commit(),
            Action::Peek(share, count) => self.peek(share, count),
            Action::Ack(share) => {
                let below = self.acknowledged + ((self.end - self.acknowledged) as f64 * share) as u64;
                self.acknowledged = self.acknowledged.max(below);
                self.spool().ack(below).expect("acknowledged");
            }
            Action::Reopen => {
                self.spool = None;
                self.restart();
            }
            Action::Crash => {
                let left = copy(&self.dir());
                self.crash(left.path());
            }
            Action::TornWrite(share) => self.torn_write(share),
            Action::FillDisk => {
                if self.filler.is_none() {
                    self.filler = Some(Filler::new(&self.disk));
                }
            }
            Action::FreeDisk => self.filler = None,
        }
    }

    fn append(&mut self, count: u64, size: usize) {
        let next = self.end + self.pending;
        let batch: Vec<_> = (next..next + count).map(|n| reading(n, size)).collect();
        let is_full = self.filler.is_some();
        match self.spool().append(&batch) {
            Ok(places) => {
                assert_eq!(places, next..next + count);
                self.pending += count;
            }
            // The ballast is asked for once a second: the disk may have room again.
            Err(error) => assert!(is_full || error == SpoolError::DiskFull, "{error}"),
        }
    }

    fn commit(&mut self) {
        match self.spool().commit() {
            Ok(()) => self.end += self.pending,
            Err(_) => {
                // Not promised: any first part of them may be there.
                let end = self.spool().stats().end;
                assert!((self.end..=self.end + self.pending).contains(&end));
                self.end = end;
            }
        }
        self.pending = 0;
    }

    fn peek(&mut self, share: f64, count: usize) {
        let stats = self.spool().stats();
        let from = stats.end - (stats.held as f64 * share) as u64;
        let found = self.spool().peek(from, PeekLimit { readings: count, bytes: 1 << 30 }).expect("read");
        assert_readings(&found, from..stats.end.min(from + count as u64));
    }

    fn torn_write(&mut self, share: f64) {
        let before = copy(&self.dir());
        let (end, pending) = (self.end, self.pending);
        if self.spool().commit().is_err() {
            self.pending = 0;
            self.end = self.spool().stats().end;
            return;
        }
        let after = copy(&self.dir());
        tear(before.path(), after.path(), share);
        (self.end, self.pending) = (end, pending);
        self.crash(after.path());
    }

    /// Puts `left` in place of the spool's folder and opens that. The copy has no holes and may need more room: a full
    /// disk is filled again after it.
    fn crash(&mut self, left: &Path) {
        self.spool = None;
        let was_full = self.filler.take().is_some();
        fs::remove_dir_all(self.dir()).expect("removed");
        copy_into(left, &self.dir());
        self.filler = was_full.then(|| Filler::new(&self.disk));
        self.restart();
    }

    /// Opens the spool. What was appended and not committed may be there in part.
    fn restart(&mut self) {
        self.spool = match SledSpool::open(self.dir(), self.options) {
            // The ballast was in use and the filler has taken the rest: only freeing space helps, and it must.
            Err(SpoolError::DiskFull) if self.filler.take().is_some() => Some(open(&self.dir(), self.options)),
            opened => Some(opened.expect("opens")),
        };
        let end = self.spool().stats().end;
        assert!((self.end..=self.end + self.pending).contains(&end), "saved {}, found {end}", self.end);
        self.end = end;
        self.pending = 0;
    }

    /// The account is exact, and what it calls held is there.
    fn check(&mut self) {
        let (end, acknowledged, saved) = (self.end, self.acknowledged, self.saved);
        let may_evict = self.options.when_full == FullPolicy::DropOldestGeneration;
        let spool = self.spool();
        let stats = spool.stats();
        assert_exact(&stats);
        assert_eq!((stats.accepted, stats.end, stats.quarantined), (end, end, 0));
        assert!(stats.delivered <= acknowledged, "{stats:?}");
        let now_saved = spool.saved();
        assert!(end - stats.held >= saved && now_saved >= saved, "{saved} were given up durably: {stats:?}");
        assert!(may_evict || stats.evicted.total() == 0, "{stats:?}");
        assert_readings(&all_from(spool, 0), end - stats.held..end);
        self.saved = now_saved;
    }
}

/// Makes `after` what a power cut would have left between the two: in the files that grew or changed in place, those of the
/// generations and the one of the acknowledged position, the changed bytes before `share` of them are new and the rest is old. A commit that was followed by a change of the
/// chain is whole: it was synced before.
fn tear(before: &Path, after: &Path, share: f64) {
    let manifest = |dir: &Path| fs::read(dir.join("manifest")).expect("a manifest");
    if manifest(before) != manifest(after) {
        return;
    }
    for entry in fs::read_dir(after).expect("read").map(|entry| entry.expect("entry")) {
        let file = if entry.path().is_dir() { Path::new(&entry.file_name()).join("db") } else { entry.file_name().into() };
        let (old, new) = (before.join(&file), after.join(file));
        let (Ok(old), Ok(mut bytes)) = (fs::read(old), fs::read(&new)) else { continue };
        let at = |n: usize| old.get(n).copied().unwrap_or(0);
        let changed: Vec<usize> = (0..bytes.len()).filter(|n| bytes[*n] != at(*n)).collect();
        let kept = (changed.len() as f64 * share) as usize;
        for n in &changed[kept..] {
            bytes[*n] = at(*n);
        }
        fs::write(new, bytes).expect("written");
    }
}

fn copy(dir: &Path) -> TempDir {
    let to = tempfile::tempdir().expect("a folder");
    copy_into(dir, to.path());
    to
}

fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("created");
    for entry in fs::read_dir(from).expect("read").map(|entry| entry.expect("entry")) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_into(&entry.path(), &to);
        } else if let Err(error) = fs::copy(entry.path(), to) {
            // sled renames its snapshot when it is written.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        }
    }
}

#[test]
fn it_does_what_an_ideal_spool_does() {
    let Some(disk) = Disk::ext4(128) else { return };
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(25);
    let config = ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() };
    let policy = prop_oneof![Just(FullPolicy::DropOldestGeneration), Just(FullPolicy::RejectNew)];
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let outcome = runner.run(&(policy, proptest::collection::vec(action(), 10..70)), |(policy, actions)| {
        let _ = fs::remove_dir_all(disk.path().join("spool"));
        let _ = fs::remove_file(disk.path().join("filler"));
        let mut world = World::new(&disk.path(), policy);
        for action in &actions {
            world.apply(action);
            world.check();
        }
        Ok(())
    });
    outcome.expect("the spool does what the ideal one does");
}
