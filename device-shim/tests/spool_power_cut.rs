//! A power cut at random moments, on an ext4 of our own: what was promised is there, in order, intact.
//!
//! The file system is shut down without flushing its journal and mounted again: what the kernel had not written to the
//! device is lost. `DRAWBRIDGE_CUT_ROUNDS` sets the number of cuts, 25 by default. Needs root; where that cannot be,
//! `DRAWBRIDGE_POWER_CUT=off` says so explicitly.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod spool_support;

use std::fs;

use loop_disk::Disk;
use spool_support::child::{Dice, Said, Victim, check, moment, rounds, run_if_asked, seed};

#[test]
fn child() {
    run_if_asked();
}

#[test]
fn promised_readings_survive_power_cuts() {
    let Some(disk) = Disk::ext4(512) else { return };
    let dir = disk.path().join("spool");
    let mut dice = Dice::new(seed());
    let (mut said, mut worked) = (Said::default(), 0);
    for _ in 0..rounds("DRAWBRIDGE_CUT_ROUNDS", 25) {
        let victim = Victim::start(&dir, dice.below(u64::MAX));
        std::thread::sleep(moment(&mut dice));
        disk.cut(|| {
            let now = victim.kill();
            said = said.max(now);
            worked += u64::from(now.saved > 0);
        });
        check(&dir, said);
    }
    assert!(worked > 0, "no child came far enough to be promised anything");
    println!("{said:?}");
}

/// The cut is one: it takes what was written and not synced, and leaves what was synced.
#[test]
fn a_cut_takes_what_was_not_synced() {
    let Some(disk) = Disk::ext4(64) else { return };
    let (synced, written) = (disk.path().join("synced"), disk.path().join("written"));
    fs::write(&synced, [7; 10_000]).expect("written");
    fs::File::open(&synced).and_then(|file| file.sync_all()).expect("synced");
    fs::File::open(disk.path()).and_then(|dir| dir.sync_all()).expect("synced");
    fs::write(&written, [7; 10_000]).expect("written");
    disk.cut(|| ());
    assert_eq!(fs::read(&synced).expect("there").len(), 10_000);
    assert_eq!(fs::read(&written).map_or(0, |bytes| bytes.len()), 0);
}
