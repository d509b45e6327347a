//! `kill -9` at random moments: what was promised is there, in order, intact, and the account is exact.
//!
//! `DRAWBRIDGE_KILL_ROUNDS` sets the number of rounds, 20 by default.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod spool_support;

use spool_support::child::{Dice, Said, Victim, check, moment, rounds, run_if_asked, seed};

#[test]
fn child() {
    run_if_asked();
}

#[test]
fn promised_readings_survive_kill_9() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut dice = Dice::new(seed());
    let (mut said, mut worked) = (Said::default(), 0);
    for _ in 0..rounds("DRAWBRIDGE_KILL_ROUNDS", 20) {
        let victim = Victim::start(dir.path(), dice.below(u64::MAX));
        std::thread::sleep(moment(&mut dice));
        let now = victim.kill();
        said = said.max(now);
        worked += u64::from(now.saved > 0);
        check(dir.path(), said);
    }
    assert!(worked > 0, "no child came far enough to be promised anything");
    println!("{said:?}");
}
