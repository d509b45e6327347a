//! From the start of a process to its first answer, what it takes in memory, and its size: each function as it is shipped, beside
//! the smallest axum program and a Python program with Google's libraries that makes the same exchange.
//!
//! `drawbridge-function` is the one of `DRAWBRIDGE_TEST_FUNCTION`. A run starts every program once; the median of the runs counts.

mod exchange;
mod process;
mod programs;

use std::env;
use std::fs;
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use benchmarks::{Figure, median, print};

use process::Cost;
use programs::Program;

/// Starts of each program.
const RUNS: usize = 15;

fn main() -> Result<()> {
    let function: PathBuf = env::var_os("DRAWBRIDGE_TEST_FUNCTION").context("DRAWBRIDGE_TEST_FUNCTION names no program")?.into();
    let folder = tempfile::tempdir()?;
    let programs = programs::all(&function, folder.path())?;
    let mut costs: Vec<Vec<Cost>> = programs.iter().map(|_| vec![]).collect();
    for _ in 0..RUNS {
        // By turns, so that a noisy moment meets them all.
        for (program, costs) in programs.iter().zip(&mut costs) {
            costs.push(process::measure(program).with_context(|| program.name)?);
        }
    }
    let mut figures = figures(&programs, &costs);
    figures.extend(sizes(&function, folder.path())?);
    print(&mut stdout().lock(), "cold-start", &figures)?;
    Ok(())
}

/// Time and memory of ours, each beside those of the peers.
fn figures(programs: &[Program], costs: &[Vec<Cost>]) -> Vec<Figure> {
    let of = |costs: &[Cost], value: fn(&Cost) -> f64| median(&costs.iter().map(value).collect::<Vec<_>>());
    let mut figures = vec![];
    for (what, unit, value, goal) in
        [("first answer", "ms", (|c| c.milliseconds) as fn(&Cost) -> f64, "<= 8 ms"), ("peak memory", "MB", |c| c.megabytes, "<= 16 MB")]
    {
        let all = programs.iter().zip(costs);
        let peers: Vec<_> = all.clone().filter(|(p, _)| p.is_peer).map(|(p, c)| (p.name, of(c, value))).collect();
        for (program, costs) in all.filter(|(p, _)| !p.is_peer) {
            let name = format!("{what}, {}", program.name);
            figures.push(Figure { name, unit, ours: of(costs, value), peers: peers.clone(), goal });
        }
    }
    figures
}

/// What is fetched before a start.
fn sizes(function: &Path, folder: &Path) -> Result<Vec<Figure>> {
    let smallest = env::current_exe()?.with_file_name("smallest_axum");
    let megabytes = |path: &Path| Ok::<_, anyhow::Error>(fs::metadata(path)?.len() as f64 / 1e6);
    let zipped = |path: &Path| {
        let zip = folder.join(format!("{}.zip", path.file_name().unwrap_or_default().display()));
        let done = Command::new("zip").args(["-q", "-9", "-j"]).arg(&zip).arg(path).status().context("zip: `apt-get install zip`")?;
        anyhow::ensure!(done.success(), "zip failed");
        megabytes(&zip)
    };
    let figure =
        |name: &str, ours, theirs, goal| Figure { name: name.into(), unit: "MB", ours, peers: vec![(programs::AXUM, theirs)], goal };
    Ok(vec![
        figure("program", megabytes(function)?, megabytes(&smallest)?, ""),
        figure("zip", zipped(function)?, zipped(&smallest)?, "<= 4 MB"),
    ])
}
