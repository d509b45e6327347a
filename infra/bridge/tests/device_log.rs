//! The device log: nothing unless the device's `logLevel`, or its registry's, asks for it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use domain::registry::LogLevel;
use support::client::Got;
use support::log::Log;
use support::{REGISTRY, Rig, device_key, eventually};

/// The level and the text of each line of the device log.
fn of_devices(log: &Log) -> Vec<(String, String)> {
    let read = |line: &String| {
        let (head, rest) = line.split_once(" device: ")?;
        Some((head.split_whitespace().nth(1)?.to_owned(), rest.to_owned()))
    };
    log.lines().iter().filter_map(read).collect()
}

fn has(log: &Log, level: &str, event: &str, says: &str) -> bool {
    of_devices(log).iter().any(|(at, text)| at == level && text.starts_with(event) && text.contains("/devices/dev") && text.contains(says))
}

/// A session that subscribes, publishes, and ends by breaking a rule.
async fn live(rig: &Rig) {
    let before = rig.bridge.counters().ended_rule;
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[("/devices/dev/config", 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
    let Got::Publish { id, .. } = device.next().await else { panic!("no configuration") };
    device.ack(id).await;
    device.publish("/devices/dev/events", 1, 1, b"secret payload").await;
    assert_eq!(device.next().await, Got::PubAck(1));
    device.publish("/other", 1, 2, b"").await;
    eventually("the end", || rig.bridge.counters().ended_rule == before + 1).await;
}

#[tokio::test]
async fn a_device_is_logged_as_far_as_its_level_or_its_registrys_asks() {
    let (log, rig) = (Log::start(), Rig::new().await);
    live(&rig).await;
    assert_eq!(of_devices(&log), [], "no level, no line");

    let mut registry = rig.stores.registries.get(REGISTRY).await.unwrap().unwrap().value;
    registry.log_level = LogLevel::Info;
    rig.put_registry(&registry).await;
    live(&rig).await;
    eventually("the end's line", || has(&log, "ERROR", "DISCONNECT", "cannot be published to")).await;
    assert!(has(&log, "INFO", "CONNECT", "MQTT 3.1.1") && has(&log, "INFO", "CONFIG_ACK", "version 1"), "{:?}", of_devices(&log));
    assert_eq!(of_devices(&log).len(), 3, "a message makes no line: {:?}", of_devices(&log));

    rig.change("dev", |d| d.log_level = LogLevel::Debug).await;
    live(&rig).await;
    eventually("the event's line", || has(&log, "INFO", "PUBLISH", "taken")).await;
    assert!(of_devices(&log).iter().all(|(_, text)| !text.contains("secret payload")));
}

#[tokio::test]
async fn a_level_that_changes_is_followed_by_a_live_session() {
    let (log, rig) = (Log::start(), Rig::new().await);
    let mut device = rig.device("dev").await;
    rig.change("dev", |d| d.log_level = LogLevel::Debug).await;
    rig.bridge.commands().hint(&device_key("dev")).await.unwrap();
    for id in 1..=200 {
        device.publish("/devices/dev/events", 1, id, b"x").await;
        assert_eq!(device.next().await, Got::PubAck(id));
        if has(&log, "INFO", "PUBLISH", "taken") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the level was not followed");
}
