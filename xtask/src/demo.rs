//! # `cargo xtask demo`
//!
//! The real shim, the real bridge and the real topic log as processes on this machine, and a line between them that is cut
//! and restored. Promise: it ends with one line that a person understands, exits 0 only if nothing was lost, and leaves
//! nothing running.

mod cast;
mod feeder;
mod next_steps;
mod progress;
mod tally;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use stage::Binaries;

use crate::args::Args;
use crate::{interrupt, shell};
use cast::Cast;
use feeder::Feeder;
use progress::Progress;
use tally::Tally;

const HELP: &str = "\
From a reading on a device to a topic, through an outage. Needs Rust and nothing else.

Usage: cargo xtask demo [--readings N] [--cut SECS] [--stay]

  --readings N   readings to send (default 1000)
  --cut SECS     how long the line is cut in the middle (default 3)
  --stay         keep everything running afterwards, and print what to try next

Exits 0 only if nothing was lost.";

/// Without any news for this long, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the scene is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Quiet after the last reading, for duplicates that are still under way.
const SETTLE: Duration = Duration::from_millis(500);

/// Ended by Ctrl-C, as a shell says it.
const EXIT_SIGNAL: u8 = 130;

/// What was asked for.
struct Plan {
    readings: u64,
    cut: Duration,
    stay: bool,
}

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let stay = args.has("--stay");
    let readings = args.number("--readings", 1000, 1..=1_000_000)?;
    let cut = Duration::from_secs(args.number("--cut", 3, 1..=60)?);
    args.finish()?;
    let binaries = build()?;
    interrupt::listen()?;
    let dir = shell::target().join("demo").join(std::process::id().to_string());
    fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    let played = play(&Plan { readings, cut, stay }, binaries, &dir);
    let code = match played {
        _ if interrupt::came() => {
            println!("\nStopped. Nothing is left running.");
            // Who asked for `--stay` has seen it end well, and ends it like this.
            if matches!(played, Ok(true)) { ExitCode::SUCCESS } else { ExitCode::from(EXIT_SIGNAL) }
        }
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("The logs are in {}", dir.display());
            return Ok(ExitCode::FAILURE);
        }
        Err(e) => return Err(e.context(format!("the logs are in {}", dir.display()))),
    };
    fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
    Ok(code)
}

/// The programs, built now unless the environment names some, as it does under `cargo xtask test`.
fn build() -> Result<Binaries> {
    if let Ok(given) = Binaries::from_env() {
        return Ok(given);
    }
    shell::cargo(&["build", "-p", "drawbridge", "-p", "drawbridge-shim"])?;
    Binaries::built_in(&shell::target().join("debug"))
}

/// Whether nothing was lost. Everything it starts ends with it.
fn play(plan: &Plan, binaries: Binaries, dir: &Path) -> Result<bool> {
    let mut cast = Cast::gather(binaries, dir)?;
    let start = Instant::now();
    let mut feeder = Feeder::start(cast.shim.http, plan.readings)?;
    let (mut tally, mut progress) = (Tally::default(), Progress::new());
    progress.say(&format!("A shim, a bridge and a topic are running. Sending {} readings, one by one.", tally::thousands(plan.readings)));
    let outage = follow(plan, &mut cast, &mut feeder, &mut tally, &mut progress)?;
    let took = start.elapsed();
    tally.add(cast.tail.take(SETTLE)?);
    progress.end();
    let summary = tally.summary(feeder.accepted(), took, outage);
    println!("{summary}");
    let nothing_lost = feeder.accepted() == plan.readings && tally.lost(feeder.accepted()) == 0;
    if plan.stay && nothing_lost {
        stay(&mut cast)?;
    }
    Ok(nothing_lost)
}

/// Follows delivery until all is there, or nothing comes any more. Returns how long the line was cut.
fn follow(plan: &Plan, cast: &mut Cast, feeder: &mut Feeder, tally: &mut Tally, progress: &mut Progress) -> Result<Duration> {
    let mut line = Line::Whole;
    let mut last_news = (Instant::now(), 0);
    loop {
        interrupt::check()?;
        feeder.check()?;
        cast.check_running()?;
        tally.add(cast.tail.take(LOOK_EVERY)?);
        line = line.next(plan, cast, feeder.accepted(), progress);
        progress.show(feeder.accepted(), tally.distinct(), plan.readings, line.is_cut());
        let news = feeder.accepted() + tally.distinct();
        if news != last_news.1 || line.is_cut() {
            last_news = (Instant::now(), news);
        }
        let all_delivered = feeder.accepted() == plan.readings && tally.lost(plan.readings) == 0;
        match line {
            Line::Restored(outage) if all_delivered || last_news.0.elapsed() > PATIENCE => return Ok(outage),
            _ => ensure!(last_news.0.elapsed() <= PATIENCE, "nothing moved for {} s", PATIENCE.as_secs()),
        }
    }
}

/// The line between shim and bridge: whole, cut in the middle of the readings, restored.
#[derive(Clone, Copy)]
enum Line {
    Whole,
    Cut(Instant),
    Restored(Duration),
}

impl Line {
    fn is_cut(self) -> bool {
        matches!(self, Self::Cut(_))
    }

    fn next(self, plan: &Plan, cast: &Cast, accepted: u64, progress: &mut Progress) -> Self {
        match self {
            Self::Whole if accepted >= plan.readings.div_ceil(3) => {
                cast.line.cut();
                progress.say("The line is cut. The shim goes on taking readings.");
                Self::Cut(Instant::now())
            }
            Self::Cut(since) if since.elapsed() >= plan.cut => {
                cast.line.restore();
                progress.say("The line is restored. The shim delivers what it kept.");
                Self::Restored(since.elapsed())
            }
            same => same,
        }
    }
}

/// Keeps all running until Ctrl-C.
fn stay(cast: &mut Cast) -> Result<()> {
    println!("{}", next_steps::text(cast)?);
    while !interrupt::came() {
        cast.check_running()?;
        // Nobody reads them any more, but the pipe must not fill up.
        let _read = cast.tail.take(Duration::ZERO)?;
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
