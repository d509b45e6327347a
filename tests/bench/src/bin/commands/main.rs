//! `cargo xtask bench commands`: how long a command takes to a device and back, beside a bare request and reply over the same
//! nats-server, which is the least it can take.
//!
//! | figure | how |
//! | --- | --- |
//! | command over HTTP | `sendCommandToDevice` over a kept connection: function, NATS, bridge node, device, its PUBACK, and back |
//! | command over the bus | the same without HTTP and without the function's look at the device's record |
//! | not connected | over the bus, for a device that is nowhere |
//! | CONNECT, CONNECT alone | from CONNECT to CONNACK on a node that announces its sessions, and on one that is alone |
//! | three processes | the command over HTTP: functions and two nodes are a process each, records are in Firestore's emulator |
//! | by number, not connected | the same where the function reads two records before it asks the bus, or one after it |
//! | one process | the command over HTTP through one process with everything, its records in sled |
//! | bare NATS | a request and its reply between two plain sockets |
//! | bare get | one document of Firestore's emulator over its REST API |
//!
//! In the first four rows function and node are in this process, each with a runtime and a connection to NATS of its own, and
//! records are in memory; the other rows run `drawbridge-function`. The device is a thread with a plain socket. Figures are taken
//! in turns, so that other work on the machine hits all.

mod bare;
mod device;
mod processes;
mod rig;

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use benchmarks::{Figure, percentile};
use stage::NatsServer;

use bare::Bare;
use processes::{BareGet, Processes, Site};
use rig::Rig;

/// Turns; all samples of all turns are put together.
const TURNS: usize = 10;
/// Samples of one figure in a turn.
const SAMPLES: usize = 500;
/// Samples in a turn of what reads records in the emulator, which takes milliseconds.
const READS: usize = 100;
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
    processes: Vec<f64>,
    processes_by_number: Vec<f64>,
    processes_nobody: Vec<f64>,
    process: Vec<f64>,
    get: Vec<f64>,
}

/// What is measured.
struct Parts {
    bare: Bare,
    get: BareGet,
    rig: Rig,
    processes: Processes,
    process: Processes,
}

impl Parts {
    fn start(nats: &NatsServer, dir: &Path) -> Result<Self> {
        let setting = |name| std::env::var(name).with_context(|| format!("{name} is not set: run this by `cargo xtask bench commands`"));
        let (program, firestore) = (setting("DRAWBRIDGE_TEST_FUNCTION")?, setting("FIRESTORE_EMULATOR_HOST")?);
        let site = |part: &str| -> Result<_> {
            let dir = dir.join(part);
            std::fs::create_dir(&dir)?;
            Ok(dir)
        };
        let (several, one) = (site("processes")?, site("process")?);
        let site = |dir| Site { program: Path::new(&program), dir, nats, firestore: &firestore };
        Ok(Self {
            bare: Bare::start(nats.addr())?,
            get: BareGet::start(firestore.parse().context("FIRESTORE_EMULATOR_HOST is no address")?)?,
            rig: Rig::start(&nats.url(), dir)?,
            processes: Processes::over_firestore(&site(&several))?,
            process: Processes::over_sled(&site(&one))?,
        })
    }

    fn turn(&mut self, samples: &mut Samples) -> Result<()> {
        let Self { bare, get, rig, processes, process } = self;
        measure(&mut samples.bare, SAMPLES, || bare.ask())?;
        measure(&mut samples.http, SAMPLES, || rig.command_over_http())?;
        measure(&mut samples.bus, SAMPLES, || rig.command_over_the_bus())?;
        measure(&mut samples.nowhere, SAMPLES, || rig.command_to_nobody())?;
        measure(&mut samples.processes, SAMPLES, || processes.command())?;
        measure(&mut samples.process, SAMPLES, || process.command())?;
        measure(&mut samples.processes_by_number, READS, || processes.command_by_number())?;
        measure(&mut samples.processes_nobody, READS, || processes.command_to_nobody())?;
        measure(&mut samples.get, READS, || get.get())?;
        measure(&mut samples.connect, CONNECTS, || rig.connect())?;
        measure(&mut samples.connect_alone, CONNECTS, || rig.connect_alone())
    }
}

fn main() -> Result<()> {
    let dir = tempfile::tempdir().context("a scratch folder")?;
    let nats = NatsServer::start(&NatsServer::program_from_env()?, dir.path())?;
    let mut parts = Parts::start(&nats, dir.path())?;
    let mut all = Samples::default();
    for turn in 0..=TURNS {
        parts.turn(&mut all)?;
        // The first turn warms up and does not count.
        if turn == 0 {
            all = Samples::default();
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
        let (bare, get) = (percentile(&all.bare, share), percentile(&all.get, share));
        for (name, ours, goal) in [
            ("command, three processes, Firestore", &all.processes, GOAL),
            ("the same by number", &all.processes_by_number, ""),
            ("the same, not connected", &all.processes_nobody, ""),
            ("command, one process, sled", &all.process, GOAL),
            ("command over HTTP", &all.http, GOAL),
            ("command over the bus", &all.bus, GOAL),
            ("not connected", &all.nowhere, ""),
            ("CONNECT", &all.connect, ""),
            ("CONNECT alone", &all.connect_alone, ""),
        ] {
            let goal = if share == 0.5 { goal } else { "" };
            let name = format!("{name}, {of}");
            let peers = vec![("bare NATS", bare), ("bare get", get)];
            figures.push(Figure { name, unit: "us", ours: percentile(ours, share), peers, goal });
        }
    }
    figures
}
