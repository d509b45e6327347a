//! What the log says when our side fails: the reason, and not a line for each message.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use support::log::Log;
use support::sink::Mood;
use support::{Rig, eventually};

#[tokio::test]
async fn a_topic_that_is_missing_is_in_the_log_once_and_not_for_each_message() {
    let log = Log::start();
    let rig = Rig::new().await;
    rig.sink.set(Mood::Failing { retryable: false });
    for attempt in 1..=20 {
        let mut device = rig.device("dev").await;
        device.publish("/devices/dev/events", 1, 7, b"reading").await;
        eventually("the session's end", || rig.bridge.counters().ended_publish == attempt).await;
    }
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|l| l.contains("Cannot publish what devices send")).collect();
    assert!(told.len() == 1 && told[0].contains("WARN") && told[0].contains("no such topic"), "{lines:#?}");
    assert_eq!(lines.len(), 1, "nothing else was wrong: {lines:#?}");

    rig.sink.set(Mood::Prompt);
    let mut device = rig.device("dev").await;
    for n in 1..=100 {
        device.publish("/devices/dev/events", 1, n, b"reading").await;
        assert_eq!(device.next().await, support::client::Got::PubAck(n));
    }
    assert_eq!(log.lines().len(), 1, "a message makes no line");
}
