//! `cargo xtask bench spool`: the spool beside a plain append-only log with one fsync a commit, and SQLite (WAL,
//! synchronous FULL), on one file system in one run, in turns.
//!
//! Payloads are random bytes. All three promise that a committed reading survives a power cut; all three save the
//! acknowledged position every 1,024 readings. Ratios are medians over pairs of turns, so that other work on the
//! machine hits both sides. As root an ext4 on a loop device is used, whose counters nobody else moves; otherwise the
//! disk of the temporary folder, and device bytes are then everybody's.
//!
//! `DRAWBRIDGE_BENCH_TURNS` (40), `DRAWBRIDGE_BENCH_BACKLOG` (5,000,000) make it shorter or longer.

mod appends;
mod backlog;
mod log;
mod sqlite;
mod store;
mod volume;

use anyhow::Result;
use benchmarks::Figure;

use crate::volume::Volume;

/// Bytes of a reading's payload.
const PAYLOAD_BYTES: usize = 200;

fn main() -> Result<()> {
    if let Some(answer) = backlog::child(std::env::args().skip(1))? {
        println!("{answer}");
        return Ok(());
    }
    let turns = setting("DRAWBRIDGE_BENCH_TURNS", 40)?;
    let held = setting("DRAWBRIDGE_BENCH_BACKLOG", 5_000_000)?;
    let volume = Volume::new()?;
    eprintln!("{}", volume.description());
    let mut figures = Vec::new();
    for group in [1, 64, 256, 1024] {
        figures.extend(appends::rates(&volume, group, turns)?);
    }
    figures.extend(appends::drain(&volume)?);
    for group in [64, 256, 1024] {
        figures.push(appends::device_bytes(&volume, group)?);
    }
    figures.extend(backlog::figures(&volume, held)?);
    benchmarks::print(&mut std::io::stdout().lock(), "spool", &figures)?;
    Ok(())
}

fn setting(name: &str, default: u64) -> Result<u64> {
    Ok(std::env::var(name).map_or(Ok(default), |value| value.parse())?)
}

/// A figure of ours with both peers' values.
fn figure(name: String, unit: &'static str, [ours, log, sqlite]: [f64; 3], goal: &'static str) -> Figure {
    Figure { name, unit, ours, peers: vec![("log", log), ("sqlite", sqlite)], goal }
}
