//! `cargo xtask bench commands`: how long a command takes to a device and back, beside a bare request and reply over the same
//! nats-server, which is the least it can take.
//!
//! | figure | how |
//! | --- | --- |
//! | command over HTTP | `sendCommandToDevice` over a kept connection: function, NATS, bridge node, device, its PUBACK, and back |
//! | command over the bus | the same without HTTP and without the function's look at the device's record |
//! | not connected | over the bus, for a device that is nowhere |
//! | CONNECT, CONNECT alone | from CONNECT to CONNACK on a node that announces its sessions, and on one that is alone |
//! | bare | a request and its reply between two plain sockets |
//!
//! Function and node are in this process, each with a runtime and a connection to NATS of its own; the device is a thread
//! with a plain socket. Records are in memory, so that the figures are those of the way. Figures are taken in turns, so that
//! other work on the machine hits all.

mod bare;
mod device;
mod rig;

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use benchmarks::{Figure, percentile};
use stage::NatsServer;

use bare::Bare;
use rig::Rig;

/// Turns; all samples of all turns are put together.
const TURNS: usize = 10;
/// Samples of one figure in a turn.
const SAMPLES: usize = 500;
/// CONNECTs in a turn: each costs a signature check.
const CONNECTS: usize = 50;
/// What the project holds itself to, at the median.
const GOAL: &str = "<= 600 us";

#[derive(Default)]
struct Samples {
    bare: Vec<f64>,
    http: Vec<f64>,
    bus: Vec<f64>,
    nowhere: Vec<f64>,
    connect: Vec<f64>,
    connect_alone: Vec<f64>,
}

fn main() -> Result<()> {
    let dir = tempfile::tempdir().context("a scratch folder")?;
    let nats = NatsServer::start(&NatsServer::program_from_env()?, dir.path())?;
    let (mut bare, mut rig) = (Bare::start(nats.addr())?, Rig::start(&nats.url(), dir.path())?);
    let mut all = Samples::default();
    for turn in 0..=TURNS {
        let mut samples = if turn == 0 { Samples::default() } else { std::mem::take(&mut all) };
        measure(&mut samples.bare, SAMPLES, || bare.ask())?;
        measure(&mut samples.http, SAMPLES, || rig.command_over_http())?;
        measure(&mut samples.bus, SAMPLES, || rig.command_over_the_bus())?;
        measure(&mut samples.nowhere, SAMPLES, || rig.command_to_nobody())?;
        measure(&mut samples.connect, CONNECTS, || rig.connect())?;
        measure(&mut samples.connect_alone, CONNECTS, || rig.connect_alone())?;
        // The first turn warms up and does not count.
        if turn > 0 {
            all = samples;
        }
    }
    let mut out = std::io::stdout().lock();
    benchmarks::print(&mut out, "commands", &figures(&all))?;
    Ok(out.flush()?)
}

fn measure(into: &mut Vec<f64>, times: usize, mut work: impl FnMut() -> Result<Duration>) -> Result<()> {
    for _ in 0..times {
        into.push(work()?.as_secs_f64() * 1e6);
    }
    Ok(())
}

/// Runs `work` and says how long it took.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, T)> {
    let start = Instant::now();
    let done = work()?;
    Ok((start.elapsed(), done))
}

fn figures(all: &Samples) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (share, of) in [(0.5, "median"), (0.99, "p99")] {
        let bare = percentile(&all.bare, share);
        for (name, ours, goal) in [
            ("command over HTTP", &all.http, GOAL),
            ("command over the bus", &all.bus, GOAL),
            ("not connected", &all.nowhere, ""),
            ("CONNECT", &all.connect, ""),
            ("CONNECT alone", &all.connect_alone, ""),
        ] {
            let goal = if share == 0.5 { goal } else { "" };
            let name = format!("{name}, {of}");
            figures.push(Figure { name, unit: "us", ours: percentile(ours, share), peers: vec![("bare NATS", bare)], goal });
        }
    }
    figures
}
