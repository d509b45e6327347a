//! The life of a session: takeover, expiry, stalls, failures, stopping.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::time::{Duration, Instant};

use domain::DeviceCredential;
use infra_bridge::Limits;
use serde_json::json;
use support::client::{Client, Got, publish};
use support::keys::{Key, now_secs};
use support::sink::Mood;
use support::{Rig, client_id, device_key, eventually, limits};

#[tokio::test]
async fn the_newest_connection_of_a_device_wins() {
    let rig = Rig::new().await;
    let (mut old5, mut old4) = (rig.device5("dev").await, rig.device("dev").await);
    let (code, reason) = old5.closed().await.unwrap();
    assert_eq!((code, reason.as_str()), (0x8E, "another connection of the same device took over"));
    let mut newest = rig.device("dev").await;
    assert_eq!(old4.closed().await, None);
    assert!(rig.last_error("dev").await.contains("took over"));
    newest.publish("/devices/dev/events", 1, 1, b"x").await;
    assert_eq!(newest.next().await, Got::PubAck(1));
    eventually("one session", || rig.bridge.counters().sessions == 1).await;
    assert_eq!(rig.bridge.counters().ended_taken_over, 2);
}

#[tokio::test]
async fn a_takeover_is_prompt_while_the_publisher_stalls() {
    let rig = Rig::new().await;
    rig.sink.set(Mood::Stalled);
    let mut old = rig.device("dev").await;
    for id in 1..=150 {
        old.publish("/devices/dev/events", 1, id, b"x").await;
    }
    let start = Instant::now();
    let mut new = rig.device("dev").await;
    assert_eq!(old.closed().await, None);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    rig.sink.set(Mood::Prompt);
    new.publish("/devices/dev/events", 1, 1, b"again").await;
    assert_eq!(new.next().await, Got::PubAck(1));
}

#[tokio::test]
async fn a_connection_ends_when_its_token_does() {
    let rig = Rig::new().await;
    // Two seconds of life are left of the ten minutes of tolerance.
    let token = rig.key.sign(&json!({"aud": "proj", "iat": now_secs() - 3600, "exp": now_secs() - 600 + 2}));
    let mut device = Client::accepted(rig.addr, 5, &client_id("dev"), &token).await;
    let (code, reason) = device.closed().await.unwrap();
    assert_eq!(code, 0xA0);
    assert!(reason.starts_with("the authorization token expired"), "{reason}");
    assert!(rig.last_error("dev").await.contains("token expired"));
    assert_eq!(rig.bridge.counters().ended_expired, 1);
}

#[tokio::test]
async fn a_hint_ends_the_session_of_a_device_that_may_no_longer_speak() {
    let rig = Rig::new().await;
    let mut device = rig.device5("dev").await;
    rig.change("dev", |d| d.blocked = true).await;
    rig.bridge.commands().hint(&device_key("dev")).await.unwrap();
    let (code, reason) = device.closed().await.unwrap();
    assert_eq!((code, reason.as_str()), (0x98, "the device is blocked"));
    assert!(rig.last_error("dev").await.contains("the device is blocked"));

    rig.change("dev", |d| d.blocked = false).await;
    let mut device = rig.device5("dev").await;
    let another = DeviceCredential { key: Key::ec().raw(), expires_at: None };
    rig.change("dev", |d| d.credentials = vec![another]).await;
    rig.bridge.commands().hint(&device_key("dev")).await.unwrap();
    let (code, reason) = device.closed().await.unwrap();
    assert_eq!(code, 0x87);
    assert!(reason.contains("no unexpired key"), "{reason}");
}

#[tokio::test]
async fn records_are_looked_at_without_a_hint_too() {
    let rig = Rig::with(Limits { recheck: Duration::from_millis(200), ..limits() }).await;
    let mut device = rig.device5("dev").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    device.publish("/devices/dev/events", 1, 1, b"x").await;
    assert_eq!(device.next().await, Got::PubAck(1), "nothing changed");
    rig.stores.devices.delete(&device_key("dev").to_string(), domain::ports::Expect::Anything).await.unwrap();
    let (code, reason) = device.closed().await.unwrap();
    assert_eq!((code, reason.as_str()), (0x98, "the device or its registry was deleted"));
}

#[tokio::test]
async fn new_routes_take_effect_in_a_live_session() {
    let rig = Rig::new().await;
    let mut device = rig.device("dev").await;
    let mut registry = rig.stores.registries.get(support::REGISTRY).await.unwrap().unwrap().value;
    registry.routes[1].topic = "projects/proj/topics/moved".parse().unwrap();
    rig.put_registry(&registry).await;
    rig.bridge.commands().hint(&device_key("dev")).await.unwrap();
    for id in 1..=100 {
        device.publish("/devices/dev/events", 1, id, b"x").await;
        assert_eq!(device.next().await, Got::PubAck(id));
        if rig.sink.texts().last().unwrap().0 == "moved" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the old route stayed");
}

#[tokio::test]
async fn pings_and_commands_are_answered_behind_a_full_and_stalled_window() {
    let rig = Rig::new().await;
    rig.sink.set(Mood::Stalled);
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[("/devices/dev/commands/#", 0)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![0]));
    // The whole window, and half of it again beyond.
    let mut burst = Vec::new();
    for id in 1..=150 {
        burst.extend(publish(4, "/devices/dev/events", 1, id, b"x"));
    }
    burst.extend([0xC0, 0]);
    device.send(&burst).await;
    let start = Instant::now();
    assert_eq!(device.next().await, Got::Pong);
    let command = domain::ports::Command { id: None, subfolder: String::new(), data: "go".into() };
    let delivered = rig.bridge.commands().deliver(&device_key("dev"), command).await.unwrap();
    assert_eq!(delivered, domain::ports::Delivery::Delivered);
    assert!(matches!(device.next().await, Got::Publish { payload, .. } if payload == "go"));
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!(rig.sink.len(), 0);
    rig.sink.set(Mood::Prompt);
    for id in 1..=150 {
        assert_eq!(device.next().await, Got::PubAck(id));
    }
}

#[tokio::test]
async fn a_stalled_publisher_stops_reading_and_memory_stays() {
    let rig = Rig::new().await;
    rig.sink.set(Mood::Stalled);
    let device = rig.device("dev").await;
    let (reader, mut writer) = tokio::io::split(device.io);
    let (total, packet) = (4000u16, 10_000);
    let writing = tokio::spawn(async move {
        for id in 1..=total {
            let bytes = publish(4, "/devices/dev/events", 1, id, &vec![0; packet]);
            tokio::io::AsyncWriteExt::write_all(&mut writer, &bytes).await.unwrap();
        }
        writer
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let counted = rig.bridge.counters();
    assert!(!writing.is_finished(), "40 MB went in");
    assert!(counted.publish_bytes < 3 * 1024 * 1024, "{} bytes are held", counted.publish_bytes);
    assert_eq!(counted.window_full, 1);
    rig.sink.set(Mood::Prompt);
    let _reader = read_acks(reader, usize::from(total)).await;
    let _writer = writing.await.unwrap();
    assert_eq!(rig.sink.len(), usize::from(total));
}

/// Reads until `acks` PUBACKs of four bytes came.
async fn read_acks<R: tokio::io::AsyncRead + Unpin>(mut reader: R, acks: usize) -> R {
    let (mut read, mut buffer) = (0, [0; 4096]);
    while read < 4 * acks {
        read += tokio::io::AsyncReadExt::read(&mut reader, &mut buffer).await.unwrap();
    }
    reader
}

#[tokio::test]
async fn a_keep_alive_is_not_counted_while_we_do_not_listen() {
    let rig = Rig::new().await;
    rig.sink.set(Mood::Stalled);
    let mut device = Client::open(rig.addr, 4).await;
    device.send(&support::client::connect(4, &client_id("dev"), &rig.key.token(), 1)).await;
    assert!(matches!(device.next().await, Got::ConnAck { code: 0, .. }));
    for id in 1..=400 {
        device.publish("/devices/dev/events", 1, id, b"x").await;
    }
    assert_eq!(device.within(Duration::from_millis(2500)).await, None, "still open after 2.5 s of silence");
    rig.sink.set(Mood::Prompt);
    assert_eq!(device.next().await, Got::PubAck(1));
}

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

#[tokio::test]
async fn a_device_that_does_not_read_is_closed() {
    let rig = Rig::with(Limits { write_stall: Duration::from_millis(500), recheck: Duration::from_millis(200), ..limits() }).await;
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[("/devices/dev/commands/#", 0)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![0]));
    let commands = rig.bridge.commands();
    let mut refused = 0;
    for _ in 0..200 {
        let command = domain::ports::Command { id: None, subfolder: String::new(), data: vec![0; 200 * 1024].into() };
        let sent = tokio::time::timeout(Duration::from_millis(20), commands.deliver(&device_key("dev"), command)).await;
        refused += usize::from(!matches!(sent, Ok(Ok(domain::ports::Delivery::Delivered))));
    }
    assert!(refused > 0, "40 MB were put into memory");
    eventually("the end", || rig.bridge.counters().ended_stalled == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_never_pauses_still_gets_commands_and_its_end() {
    let rig = Rig::new().await;
    let token = rig.key.sign(&json!({"aud": "proj", "iat": now_secs() - 3600, "exp": now_secs() - 600 + 3}));
    let mut device = Client::accepted(rig.addr, 4, &client_id("dev"), &token).await;
    device.subscribe(1, &[("/devices/dev/commands/#", 0)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![0]));
    let (mut reader, mut writer) = tokio::io::split(device.io);
    let reading = tokio::spawn(async move { tokio::io::copy(&mut reader, &mut tokio::io::sink()).await });
    let flood = publish(4, "/devices/dev/events", 0, 0, b"x").repeat(1000);
    let flooding = tokio::spawn(async move { while tokio::io::AsyncWriteExt::write_all(&mut writer, &flood).await.is_ok() {} });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let command = domain::ports::Command { id: None, subfolder: String::new(), data: "go".into() };
    assert_eq!(rig.bridge.commands().deliver(&device_key("dev"), command).await.unwrap(), domain::ports::Delivery::Delivered);
    eventually("the token's end", || rig.bridge.counters().ended_expired == 1).await;
    flooding.await.unwrap();
    let _closed = reading.await;
}

#[tokio::test]
async fn a_loss_at_qos_0_is_counted() {
    let rig = Rig::new().await;
    rig.sink.set(Mood::Stalled);
    let mut device = rig.device("dev").await;
    device.send(&publish(4, "/devices/dev/events", 0, 0, b"x").repeat(130)).await;
    device.publish("/devices/dev/events", 1, 1, b"x").await;
    eventually("all read", || rig.bridge.counters().publishes == 131).await;
    let _newer = rig.device("dev").await;
    eventually("the takeover", || rig.bridge.counters().ended_taken_over == 1).await;
    assert_eq!(rig.bridge.counters().qos0_lost, 130);
}

#[tokio::test]
async fn the_bytes_of_all_sessions_together_are_bounded_and_nobody_starves() {
    let rig = Rig::with(Limits { publish_bytes: 1, ..limits() }).await;
    rig.add("other", 2).await;
    rig.sink.set(Mood::Slow(Duration::from_millis(5)));
    let mut devices = [("dev", rig.device("dev").await), ("other", rig.device("other").await)];
    for id in 1..=10 {
        for (name, device) in &mut devices {
            device.publish(&format!("/devices/{name}/events"), 1, id, b"xyz").await;
        }
    }
    for (_, device) in &mut devices {
        for id in 1..=10 {
            assert_eq!(device.next().await, Got::PubAck(id));
        }
    }
}
