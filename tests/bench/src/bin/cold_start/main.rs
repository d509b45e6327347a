//! From the start of a process to its first answer, what it takes in memory, and its size: each function as it is shipped, beside
//! the smallest axum program and a Python program with Google's libraries that makes the same exchange.
//!
//! `DRAWBRIDGE_TEST_FUNCTION` is the program of the container image, `DRAWBRIDGE_TEST_LAMBDA` that of Lambda's zip, and
//! `AWS_ENDPOINT_URL` a stand-in for AWS. A run starts every program once; the median of the runs counts.

mod exchange;
mod process;
mod programs;
mod runtime_api;

use std::env;
use std::fs;
use std::io::stdout;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use benchmarks::{Figure, median, print};

use process::Cost;
use programs::{Program, Shipped};

/// Starts of each program.
const RUNS: usize = 15;

fn main() -> Result<()> {
    let setting = |name: &'static str| env::var_os(name).with_context(|| format!("{name} is not set: run `cargo xtask bench cold-start`"));
    let shipped = Shipped { image: setting("DRAWBRIDGE_TEST_FUNCTION")?.into(), lambda: setting("DRAWBRIDGE_TEST_LAMBDA")?.into() };
    let folder = tempfile::tempdir()?;
    let programs = programs::all(&shipped, folder.path())?;
    let mut costs: Vec<Vec<Cost>> = programs.iter().map(|_| vec![]).collect();
    for _ in 0..RUNS {
        // By turns, so that a noisy moment meets them all.
        for (program, costs) in programs.iter().zip(&mut costs) {
            costs.push(process::measure(program).with_context(|| program.name)?);
        }
    }
    let mut figures = figures(&programs, &costs);
    figures.extend(sizes(&shipped, folder.path())?);
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
            figures.push(Figure {
                name,
                unit,
                ours: of(costs, value),
                peers: peers.clone(),
                goal: if program.is_held { goal } else { "" },
            });
        }
    }
    figures
}

/// What is fetched before a start.
fn sizes(shipped: &Shipped, folder: &Path) -> Result<Vec<Figure>> {
    let smallest = env::current_exe()?.with_file_name("smallest_axum");
    let megabytes = |path: &Path| Ok::<_, anyhow::Error>(fs::metadata(path)?.len() as f64 / 1e6);
    let zipped = |name: &str, content: &[&Path]| {
        let zip = folder.join(name);
        let done = Command::new("zip").args(["-q", "-9", "-j"]).arg(&zip).args(content).status().context("zip: `apt-get install zip`")?;
        anyhow::ensure!(done.success(), "zip failed");
        megabytes(&zip)
    };
    let figure =
        |name: &str, ours, theirs, goal| Figure { name: name.into(), unit: "MB", ours, peers: vec![(programs::AXUM, theirs)], goal };
    Ok(vec![
        figure("program of the image", megabytes(&shipped.image)?, megabytes(&smallest)?, ""),
        figure("program on Lambda", megabytes(&shipped.lambda)?, megabytes(&smallest)?, ""),
        figure(
            "zip",
            zipped("lambda.zip", &[&shipped.lambda, Path::new(programs::ROOTS)])?,
            zipped("smallest.zip", &[&smallest])?,
            "<= 4 MB",
        ),
    ])
}
