//! Rates of appending and draining, and bytes that reach the device.

use std::time::Instant;

use anyhow::{Result, ensure};
use benchmarks::{Figure, median};

use crate::PAYLOAD_BYTES;
use crate::figure;
use crate::store::{STORES, Store, open, open_all, readings};
use crate::volume::Volume;

/// Commits in a turn, after which it is the next store's.
const COMMITS: u64 = 20;

/// Readings drained, and per read.
const DRAINED: u64 = 400_000;
const DRAIN_GROUP: usize = 256;
const DRAIN_TURN: u64 = 20 * 1_024;

/// How often the device's bytes are counted: a file system's own moments fall into one turn or another.
const BYTES_TURNS: usize = 3;
/// Readings written to count them.
const WRITTEN: u64 = 300_000;

/// Durable appends a second at `group` readings a commit, and our share of each peer's rate.
pub(crate) fn rates(volume: &Volume, group: u64, turns: u64) -> Result<Vec<Figure>> {
    eprintln!("appends, {group} a commit");
    let mut stores = open_all(&volume.fresh("appends")?)?;
    let readings = readings(group);
    let seconds = take_turns(&mut stores, turns, |store| {
        for _ in 0..COMMITS {
            store.commit(&readings)?;
        }
        Ok(())
    })?;
    let goal = if group == 256 { ">= 0.75 x log" } else { "" };
    Ok(shares(&format!("appends, {group} a commit"), (COMMITS * group) as f64, &seconds, goal))
}

/// Readings a second read and given up, 256 at a time.
pub(crate) fn drain(volume: &Volume) -> Result<Vec<Figure>> {
    eprintln!("drain");
    let mut stores = open_all(&volume.fresh("drain")?)?;
    let readings = readings(1_024);
    for store in &mut stores {
        for _ in 0..DRAINED / 1_024 {
            store.commit(&readings)?;
        }
    }
    let seconds = take_turns(&mut stores, DRAINED / DRAIN_TURN, |store| {
        for _ in 0..DRAIN_TURN / DRAIN_GROUP as u64 {
            let drained = store.drain(DRAIN_GROUP)?;
            ensure!(drained == DRAIN_GROUP as u64, "drained {drained} of {DRAIN_GROUP}");
        }
        Ok(())
    })?;
    Ok(shares("drain, 256 a read", DRAIN_TURN as f64, &seconds, ""))
}

/// Bytes written to the device per payload byte, journal and metadata included: medians over the turns.
pub(crate) fn device_bytes(volume: &Volume, group: u64) -> Result<Figure> {
    eprintln!("device bytes, {group} a commit");
    let mut turns = [const { Vec::new() }; 3];
    for turn in 0..BYTES_TURNS {
        let (dir, readings) = (volume.fresh("bytes")?, readings(group));
        // A file system writes some of what was done before later: who comes first after a clean-up changes.
        for whose in (0..STORES.len()).map(|place| (turn + place) % STORES.len()) {
            let mut store = open(STORES[whose], &dir.join(STORES[whose]))?;
            store.commit(&readings)?;
            let before = volume.written()?;
            let commits = WRITTEN / group;
            for _ in 0..commits {
                store.commit(&readings)?;
            }
            turns[whose].push((volume.written()? - before) as f64 / (commits * group * PAYLOAD_BYTES as u64) as f64);
        }
    }
    let goal = if group == 256 { "<= 1.1 x log" } else { "" };
    Ok(figure(format!("device bytes, {group} a commit"), "bytes/byte", turns.map(|turns| median(&turns)), goal))
}

/// Seconds of each store in each turn. Who begins changes from turn to turn.
fn take_turns(stores: &mut [Box<dyn Store>], turns: u64, work: impl Fn(&mut dyn Store) -> Result<()>) -> Result<Vec<[f64; 3]>> {
    let mut seconds = Vec::new();
    for turn in 0..turns as usize {
        let mut turn_seconds = [0.0; 3];
        for place in 0..stores.len() {
            let whose = (turn + place) % stores.len();
            let start = Instant::now();
            work(stores[whose].as_mut())?;
            turn_seconds[whose] = start.elapsed().as_secs_f64();
        }
        seconds.push(turn_seconds);
    }
    Ok(seconds)
}

/// The median rate of each store, and the medians over turns of our rate as a share of each peer's.
fn shares(name: &str, readings: f64, seconds: &[[f64; 3]], goal: &'static str) -> Vec<Figure> {
    let of = |value: &dyn Fn(&[f64; 3]) -> f64| median(&seconds.iter().map(value).collect::<Vec<_>>());
    let rates = [0, 1, 2].map(|store| of(&|turn| readings / turn[store]));
    let share = |peer: usize| of(&|turn| turn[peer] / turn[0]);
    let shares = |name: String, peer, goal| Figure { name, unit: "x", ours: share(peer), peers: vec![], goal };
    vec![
        figure(name.to_owned(), "readings/s", rates, ""),
        shares(format!("{name}: share of the log's rate in the same turn"), 1, goal),
        shares(format!("{name}: share of SQLite's rate in the same turn"), 2, ""),
    ]
}
