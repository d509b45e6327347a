//! A happy day logs no warning, and no line for a message: a log in which warnings are usual is a log that nobody reads, and one
//! with a line for each message costs more than the messages.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use e2e_tests::{Arrival, Play, Scene, Sensors, judge};
use stage::{CloudOptions, Tail};

const TOPIC: &str = "readings";
const READINGS: u64 = 200;
/// Lines that a whole life may make at `info`: far below one for each reading.
const MAX_LINES: usize = 40;

fn check_quiet(log: &Path) -> Result<()> {
    let text = std::fs::read_to_string(log)?;
    let loud: Vec<_> = text.lines().filter(|l| ["WARN", "ERROR", "panicked"].iter().any(|word| l.contains(word))).collect();
    assert!(loud.is_empty(), "{}:\n{}", log.display(), loud.join("\n"));
    let lines = text.lines().count();
    assert!((1..=MAX_LINES).contains(&lines), "{} has {lines} lines for {READINGS} readings:\n{text}", log.display());
    Ok(())
}

#[test]
fn a_healthy_run_logs_no_warning_and_no_line_for_a_message_in_either_process() -> Result<()> {
    Scene::play("no-warnings", healthy_run)
}

fn healthy_run(scene: &Scene) -> Result<()> {
    let mut play = Play::begin(scene, &CloudOptions::local("e2e-quiet"), TOPIC)?;
    let mut tail = Tail::follow(&scene.binaries.drawbridge, &play.cloud, TOPIC, &scene.dir.join("tail.log"))?;
    let unsure = Sensors::start(play.shim.http, READINGS, 2, Duration::ZERO).finish()?;
    let ledger = judge("pi-1", READINGS, &unsure, || Ok(tail.take(Duration::from_millis(20))?.into_iter().map(Arrival::from).collect()))?;
    assert_eq!((ledger.duplicates, unsure.len()), (0, 0), "nothing broke, so nothing came twice");
    // Both stop as a service manager stops them, and say nothing bad about that either.
    assert!(play.shim.process.stop()?.success(), "the shim stops with 0");
    assert!(play.cloud.process.stop()?.success(), "the cloud side stops with 0");
    check_quiet(play.shim.process.log())?;
    check_quiet(play.cloud.process.log())
}
