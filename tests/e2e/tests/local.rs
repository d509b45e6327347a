//! The same line and the same faults into the topic log on disk: what a laptop without a cloud account has.

use std::time::Duration;

use anyhow::Result;
use e2e_tests::{Arrival, Play, Scene, judge};
use stage::{CloudOptions, Tail};

const TOPIC: &str = "readings";
const READINGS: u64 = 3_000;

#[test]
fn the_topic_log_gets_every_reading_through_the_same_faults() -> Result<()> {
    Scene::play("local", topic_log)
}

fn topic_log(scene: &Scene) -> Result<()> {
    let mut play = Play::begin(scene, &CloudOptions::local("e2e-local"), TOPIC)?;
    let mut tail = Tail::follow(&scene.binaries.drawbridge, &play.cloud, TOPIC, &scene.dir.join("tail.log"))?;
    let unsure = play.endure(scene, READINGS)?;
    judge("pi-1", READINGS, &unsure, || Ok(tail.take(Duration::from_millis(20))?.into_iter().map(Arrival::from).collect()))?;
    Ok(())
}
