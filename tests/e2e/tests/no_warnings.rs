//! A happy day logs no warning: a log in which warnings are usual is a log that nobody reads.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use e2e_tests::{Arrival, Play, Scene, Sensors, judge};
use stage::{CloudOptions, Tail};

const TOPIC: &str = "readings";
const READINGS: u64 = 200;

fn check_quiet(log: &Path) -> Result<()> {
    let text = std::fs::read_to_string(log)?;
    let loud: Vec<_> = text.lines().filter(|l| ["WARN", "ERROR", "panicked"].iter().any(|word| l.contains(word))).collect();
    assert!(loud.is_empty(), "{}:\n{}", log.display(), loud.join("\n"));
    Ok(())
}

#[test]
fn a_healthy_run_logs_no_warning_in_either_process() -> Result<()> {
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
