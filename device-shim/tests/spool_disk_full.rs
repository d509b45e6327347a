//! A full disk is answered, survived, restarted on, and recovered from. Needs root, as `spool_power_cut.rs` does.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod spool_support;

use device_shim::spool::sled::{FullPolicy, SledOptions};
use device_shim::spool::{Spool, SpoolError, SpoolStats};
use loop_disk::{Disk, Filler};
use spool_support::{SMALL, all_from, assert_exact, assert_readings, fill, open, reading};

/// Opening a generation to read it costs a segment of 512 KiB, until it is drained: so not too many of them here.
fn options(when_full: FullPolicy) -> SledOptions {
    SledOptions { when_full, generation_bytes: 4 << 20, ballast_bytes: 8 << 20, ..SMALL }
}

/// Appends until the disk refuses; returns how many readings were promised.
fn fill_up(spool: &mut dyn Spool, from: u64) -> (u64, SpoolError) {
    for n in from..from + 100_000 {
        let outcome = spool.append(&[reading(n, 1_000)]).and_then(|_| spool.commit());
        if let Err(error) = outcome {
            return (n, error);
        }
    }
    panic!("the disk never filled");
}

fn held_and_exact(spool: &mut dyn Spool, promised: u64) -> SpoolStats {
    let stats = spool.stats();
    assert_exact(&stats);
    assert!(stats.end >= promised, "saved up to {promised}: {stats:?}");
    assert_readings(&all_from(spool, 0), stats.end - stats.held..stats.end);
    stats
}

#[test]
fn new_readings_are_refused_held_ones_stay_and_it_opens_while_the_disk_is_full() {
    let Some(disk) = Disk::ext4(96) else { return };
    let (dir, options) = (disk.path().join("spool"), options(FullPolicy::RejectNew));
    let mut spool = open(&dir, options);
    fill(&mut spool, 0, 5_000, 1_000, 100);
    let filler = Filler::new(&disk.path());
    let (promised, error) = fill_up(&mut spool, 5_000);
    assert_eq!(error, SpoolError::DiskFull);
    assert_eq!(spool.append(&[reading(promised, 10)]), Err(SpoolError::DiskFull));
    held_and_exact(&mut spool, promised);
    drop(spool);

    let mut spool = open(&dir, options);
    let stats = held_and_exact(&mut spool, promised);
    assert_eq!(stats.evicted.total(), 0);
    spool.ack(2_500).expect("delivering goes on");
    assert_eq!(held_and_exact(&mut spool, promised).delivered, 2_500);

    drop(filler);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let next = spool.stats().end;
    fill(&mut spool, next, next + 500, 1_000, 100);
    held_and_exact(&mut spool, next + 500);
}

#[test]
fn acknowledgements_are_saved_while_the_disk_is_full_and_the_ballast_is_gone() {
    let Some(disk) = Disk::ext4(96) else { return };
    let (dir, options) = (disk.path().join("spool"), options(FullPolicy::RejectNew));
    let mut spool = open(&dir, options);
    fill(&mut spool, 0, 2_000, 1_000, 100);
    std::fs::remove_file(dir.join("ballast")).expect("the ballast is there");
    let filler = Filler::new(&disk.path());
    for below in [500, 900, 1_000] {
        spool.ack(below).expect("given up");
        spool.commit().expect("saved in place");
        assert_eq!(spool.saved(), below);
    }
    drop((spool, filler));
    assert_eq!(held_and_exact(&mut open(&dir, options), 2_000).delivered, 1_000);
}

#[test]
fn what_was_set_aside_makes_room_to_open_on_a_full_disk_without_ballast() {
    let Some(disk) = Disk::ext4(96) else { return };
    let (dir, options) = (disk.path().join("spool"), options(FullPolicy::RejectNew));
    let mut spool = open(&dir, options);
    fill(&mut spool, 0, 5_000, 1_000, 100);
    drop(spool);
    let aside = dir.join("corrupt-g00000000000f4240");
    std::fs::create_dir(&aside).expect("a folder");
    std::fs::write(aside.join("db"), vec![7; 6 << 20]).expect("a set-aside generation");
    std::fs::remove_file(dir.join("ballast")).expect("the ballast is there");
    let _filler = Filler::new(&disk.path());
    held_and_exact(&mut open(&dir, options), 5_000);
    assert!(!aside.exists());
}

#[test]
fn the_oldest_generations_make_room_when_told_to() {
    let Some(disk) = Disk::ext4(96) else { return };
    let (dir, options) = (disk.path().join("spool"), options(FullPolicy::DropOldestGeneration));
    let mut spool = open(&dir, options);
    fill(&mut spool, 0, 40_000, 1_000, 100);
    let _filler = Filler::new(&disk.path());
    let (mut next, mut refused) = (spool.stats().end, 0);
    for _ in 0..300 {
        let batch: Vec<_> = (next..next + 100).map(|n| reading(n, 1_000)).collect();
        match spool.append(&batch).and_then(|_| spool.commit()) {
            Ok(()) => next += 100,
            Err(_) => {
                refused += 1;
                next = spool.stats().end;
            }
        }
    }
    let stats = held_and_exact(&mut spool, next);
    assert!(stats.evicted.disk_full > 0 && stats.accepted > 50_000, "{refused} refused, {stats:?}");
    drop(spool);
    held_and_exact(&mut open(&dir, options), next);
}
