//! The device log: nothing unless the device's `logLevel`, or its registry's, asks for it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use domain::registry::LogLevel;
use support::client::Got;
use support::{REGISTRY, Rig, device_key, eventually};

/// What was logged at `info` and above, of this process, which runs one test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> Self {
        let log = Self::default();
        let writer = log.clone();
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).try_init().unwrap();
        log
    }

    /// The level and the text of each line of the device log.
    fn lines(&self) -> Vec<(String, String)> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let read = |line: &str| {
            let (head, rest) = line.split_once(" device: ")?;
            Some((head.split_whitespace().nth(1)?.to_owned(), rest.to_owned()))
        };
        text.lines().filter_map(read).collect()
    }

    fn has(&self, level: &str, event: &str, says: &str) -> bool {
        self.lines().iter().any(|(at, text)| at == level && text.starts_with(event) && text.contains("/devices/dev") && text.contains(says))
    }
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
    assert_eq!(log.lines(), [], "no level, no line");

    let mut registry = rig.stores.registries.get(REGISTRY).await.unwrap().unwrap().value;
    registry.log_level = LogLevel::Info;
    rig.put_registry(&registry).await;
    live(&rig).await;
    eventually("the end's line", || log.has("ERROR", "DISCONNECT", "cannot be published to")).await;
    assert!(log.has("INFO", "CONNECT", "MQTT 3.1.1") && log.has("INFO", "CONFIG_ACK", "version 1"), "{:?}", log.lines());
    assert_eq!(log.lines().len(), 3, "a message makes no line: {:?}", log.lines());

    rig.change("dev", |d| d.log_level = LogLevel::Debug).await;
    live(&rig).await;
    eventually("the event's line", || log.has("INFO", "PUBLISH", "taken")).await;
    assert!(log.lines().iter().all(|(_, text)| !text.contains("secret payload")));
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
        if log.has("INFO", "PUBLISH", "taken") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the level was not followed");
}
