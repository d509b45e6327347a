//! 10,000 readings through a line that is cut, delayed and black-holed, with the shim killed in the dark, into Google's
//! Pub/Sub emulator; beside it a device that is not ours. The same 10,000 out, in order, duplicates only within the window.

use std::time::Duration;

use anyhow::{Context as _, Result};
use e2e_tests::{Paho, PahoOptions, Play, PubSub, Scene, device_token, judge};
use stage::CloudOptions;

const PROJECT: &str = "e2e-telemetry";
const READINGS: u64 = 10_000;
const FROM_PAHO: u64 = 500;

#[test]
fn ten_thousand_readings_survive_a_bad_line_and_a_killed_shim() -> Result<()> {
    Scene::play("telemetry", ten_thousand)
}

fn ten_thousand(scene: &Scene) -> Result<()> {
    let mut topic = PubSub::subscribe(PROJECT)?;
    let mut play = Play::begin(scene, &CloudOptions::emulator(PROJECT, &topic.host), &topic.topic)?;

    let (visitor, key) = play.second_device(scene, "paho")?;
    let token = device_token(&key, PROJECT, Duration::from_secs(600))?;
    let options =
        PahoOptions { mqtts: play.cloud.mqtts, ca: &play.cloud.ca, device: &visitor, token: &token, websocket: None, count: FROM_PAHO };
    let paho = Paho::start(&options, &scene.dir.join("paho.log"))?;

    let unsure = play.endure(scene, READINGS)?;
    let report = paho.finish()?;
    assert_eq!(report["acknowledged"], FROM_PAHO, "{report}");
    assert_eq!(report["configs"].as_array().map(Vec::len), Some(1), "one configuration at SUBSCRIBE: {report}");

    let mut from_paho = Vec::new();
    let ledger = judge("pi-1", READINGS, &unsure, || {
        let arrived = topic.take()?;
        from_paho.extend(arrived.iter().filter(|a| a.device == "paho").map(|a| a.data.clone()));
        Ok(arrived)
    })?;
    let numbers: Vec<u64> = from_paho.iter().map(|d| Ok(std::str::from_utf8(d)?.parse()?)).collect::<Result<_>>()?;
    assert_eq!(numbers, (0..FROM_PAHO).collect::<Vec<_>>(), "all of the second device, once and in order");
    println!("{READINGS} readings, {} duplicates, {} handed over twice", ledger.duplicates, unsure.len());

    // 10,000 = delivered + held + evicted, exactly: nothing is left on the device.
    let status = play.shim.status().context("after delivery")?;
    assert_eq!(status["held"], 0, "{status}");
    Ok(())
}
