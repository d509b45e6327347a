//! What is promised of a publish when it fails and when the bridge stops.

use std::time::{Duration, Instant};

use infra_bridge::Limits;

use crate::support::client::{Got, publish};
use crate::support::sink::Mood;
use crate::support::{Rig, eventually, limits};

#[tokio::test]
async fn a_publish_that_fails_closes_the_connection_unacknowledged() {
    let rig = Rig::new().await;
    for (retryable, code) in [(true, 0x89), (false, 0x83)] {
        rig.sink.set(Mood::Prompt);
        let mut device = rig.device5("dev").await;
        device.publish("/devices/dev/events", 1, 1, b"x").await;
        assert_eq!(device.next().await, Got::PubAck(1));
        rig.sink.set(Mood::Failing { retryable });
        for id in 2..=5 {
            device.io_send(&publish(5, "/devices/dev/events", 1, id, b"x")).await;
        }
        match device.next().await {
            Got::Disconnect { code: got, reason } => assert_eq!(got, code, "{reason:?}"),
            other => panic!("{other:?}"),
        }
        assert!(rig.last_error("dev").await.contains("publisher"));
    }
    assert_eq!(rig.bridge.counters().ended_publish, 2);
}

#[tokio::test]
async fn stopping_finishes_the_windows_and_says_goodbye() {
    let rig = Rig::new().await;
    rig.add("other", 2).await;
    rig.sink.set(Mood::Slow(Duration::from_millis(300)));
    let (mut busy, mut idle) = (rig.device5("dev").await, rig.device("other").await);
    for id in 1..=120 {
        busy.publish("/devices/dev/events", 1, id, b"x").await;
    }
    eventually("all 120 read", || rig.bridge.counters().publishes == 120).await;
    let stopping = {
        let bridge = rig.bridge.clone();
        tokio::spawn(async move { bridge.stop().await })
    };
    for id in 1..=120 {
        assert_eq!(busy.next().await, Got::PubAck(id));
    }
    assert_eq!(busy.closed().await.unwrap().0, 0x8B);
    assert_eq!(idle.closed().await, None);
    drop((busy, idle));
    stopping.await.unwrap();
    let counted = rig.bridge.counters();
    assert_eq!((counted.sessions, counted.ended_shutdown), (0, 2));
    let late = tokio::net::TcpStream::connect(rig.addr).await;
    assert!(late.is_err(), "nothing is accepted any more");
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_stalled_publisher_for_ever() {
    let rig = Rig::with(Limits { drain: Duration::from_millis(300), ..limits() }).await;
    rig.sink.set(Mood::Stalled);
    let mut device = rig.device("dev").await;
    device.publish("/devices/dev/events", 1, 1, b"x").await;
    eventually("one read", || rig.bridge.counters().publishes == 1).await;
    let start = Instant::now();
    rig.bridge.stop().await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(device.next().await, Got::Closed, "unacknowledged");
}
