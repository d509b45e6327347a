//! A large backlog: memory to fill it, time and memory to open it cold. Each in a process of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use benchmarks::Figure;

use crate::figure;
use crate::store::{STORES, open, readings};
use crate::volume::Volume;

const CHILD: &str = "--child";
const GROUP: u64 = 1_024;

/// Memory while `held` readings are appended, then seconds and memory to open them and read the first, all files cold.
pub(crate) fn figures(volume: &Volume, held: u64) -> Result<Vec<Figure>> {
    let dir = volume.fresh("backlog")?;
    let mut filling = [0.0; 3];
    let (mut opening, mut first, mut memory, mut draining) = ([0.0; 3], [0.0; 3], [0.0; 3], [0.0; 3]);
    for (n, name) in STORES.iter().enumerate() {
        eprintln!("backlog of {held}, {name}");
        let dir = dir.join(name);
        let ask = |task: &str| ask(&[task, name, &dir.display().to_string(), &held.to_string()]);
        (_, filling[n]) = ask("fill")?;
        volume.cool()?;
        (opening[n], _) = ask("open")?;
        volume.cool()?;
        (first[n], memory[n]) = ask("first")?;
        (_, draining[n]) = ask("drain")?;
    }
    let at = |what: &str| format!("{what}, {held} held");
    Ok(vec![
        figure(at("memory while filling (VmHWM)"), "MB", filling, ""),
        figure(at("cold open"), "s", opening, "<= 0.5 s"),
        figure(at("cold open and first reading"), "s", first, ""),
        figure(at("memory after opening (VmHWM)"), "MB", memory, ""),
        figure(at("memory while draining all (VmHWM)"), "MB", draining, ""),
    ])
}

/// Runs this program as a child; returns its seconds and megabytes.
fn ask(arguments: &[&str]) -> Result<(f64, f64)> {
    let output = Command::new(std::env::current_exe()?).arg(CHILD).args(arguments).output()?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "child {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let (seconds, megabytes) = said.trim().split_once(' ').context("the child said nothing")?;
    Ok((seconds.parse()?, megabytes.parse()?))
}

/// Does a child's task and returns its answer; `None` when this is not a child.
pub(crate) fn child(mut arguments: impl Iterator<Item = String>) -> Result<Option<String>> {
    if arguments.next().as_deref() != Some(CHILD) {
        return Ok(None);
    }
    let mut next = || arguments.next().context("an argument is missing");
    let (task, name, dir, held) = (next()?, next()?, PathBuf::from(next()?), next()?.parse::<u64>()?);
    let start = Instant::now();
    let mut store = open(&name, &dir)?;
    let mut seconds = start.elapsed().as_secs_f64();
    match task.as_str() {
        "fill" => {
            let readings = readings(GROUP);
            for _ in 0..held.div_ceil(GROUP) {
                store.commit(&readings)?;
            }
        }
        "open" => {}
        "first" => {
            ensure!(store.first()?, "nothing is held");
            seconds = start.elapsed().as_secs_f64();
        }
        _ => {
            let mut drained = 0;
            while drained < held {
                drained += store.drain(1_000)?;
            }
        }
    }
    Ok(Some(format!("{seconds} {}", peak_megabytes()?)))
}

fn peak_megabytes() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1_024.0)
}
