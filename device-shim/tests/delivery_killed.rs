//! The shim dies in the middle of a drain, again and again: what comes twice is what the window allows, each time.
//!
//! `DRAWBRIDGE_KILL_ROUNDS` sets the number of kills, 25 by default, `DRAWBRIDGE_CUT_ROUNDS` that of power cuts, 10 by default; a
//! power cut needs root, as in `spool_power_cut.rs`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;
use std::time::Duration;

use loop_disk::Disk;
use support::bridge::Bridge;
use support::shim::Shim;
use support::wait_until;

/// Also the shim's own default, which these tests leave as it is.
const WINDOW: usize = 100;
const READINGS: u32 = 40_000;

fn rounds(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |rounds| rounds.parse().unwrap())
}

/// A shim that holds all readings, and a bridge that it does not know yet.
fn held(more: &str) -> (Shim, Bridge) {
    let mut shim = Shim::start(([127, 0, 0, 1], 1).into(), more);
    shim.send(0..READINGS);
    shim.kill();
    let bridge = Bridge::start([]);
    shim.write_config(bridge.addr, more);
    (shim, bridge)
}

/// Lets the shim drain until `kill` ends it, `rounds` times. Returns how often it was in the middle of it.
fn die_again_and_again(shim: &mut Shim, bridge: &Bridge, rounds: usize, mut kill: impl FnMut(&mut Shim)) -> usize {
    let mut in_the_middle = 0;
    for round in 0..rounds {
        let before = bridge.seen().got.len();
        shim.restart();
        wait_until("it drains", || bridge.seen().got.len() > before || shim.status()["held"] == 0);
        // Any moment of a save and between two: a save takes less than a millisecond to some.
        std::thread::sleep(Duration::from_micros((round as u64 * 7_919) % 40_000));
        kill(shim);
        let came = bridge.seen().got.len() - before;
        let was_last = bridge.arrived().last().is_some_and(|last| *last == (READINGS - 1).to_string());
        println!("round {round}: {came} readings");
        in_the_middle += usize::from(came > WINDOW && !was_last);
    }
    in_the_middle
}

/// Every reading arrived, for the first time in order, and no connection brought more than a window of what had come before.
fn judge(bridge: &Bridge) {
    let seen = bridge.seen();
    let (mut known, mut first_times) = (HashSet::new(), Vec::new());
    let mut again = vec![0; seen.connections + 1];
    for got in &seen.got {
        if known.insert(&got.payload) {
            first_times.push(got.payload.parse::<u32>().unwrap());
        } else {
            again[got.connection] += 1;
        }
    }
    println!("duplicates of each connection: {again:?}");
    assert!(first_times.iter().copied().eq(0..READINGS), "{} of {READINGS} arrived, or not in order", first_times.len());
    assert!(again.iter().all(|again| *again <= WINDOW), "more than {WINDOW} came twice: {again:?}");
}

#[test]
fn a_shim_that_is_killed_in_mid_drain_sends_at_most_a_window_twice() {
    let (mut shim, bridge) = held("");
    let rounds = rounds("DRAWBRIDGE_KILL_ROUNDS", 25);
    let in_the_middle = die_again_and_again(&mut shim, &bridge, rounds, Shim::kill);
    assert!(in_the_middle > rounds / 3, "only {in_the_middle} of {rounds} kills came in the middle of a drain");
    shim.restart();
    shim.wait_delivered(READINGS.into());
    judge(&bridge);
}

#[test]
fn a_power_cut_in_mid_drain_makes_it_send_at_most_a_window_twice() {
    let Some(disk) = Disk::ext4(256) else { return };
    let (mut shim, bridge) = held(&format!("[spool]\ndir = \"{}/spool\"\n", disk.path().display()));
    let rounds = rounds("DRAWBRIDGE_CUT_ROUNDS", 10);
    let in_the_middle = die_again_and_again(&mut shim, &bridge, rounds, |shim| disk.cut(|| shim.kill()));
    assert!(in_the_middle > rounds / 3, "only {in_the_middle} of {rounds} cuts came in the middle of a drain");
    shim.restart();
    shim.wait_delivered(READINGS.into());
    judge(&bridge);
}
