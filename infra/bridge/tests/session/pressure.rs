//! More than can be taken or handed on: full windows, stalled publishers, devices that never pause or never read.

use std::time::{Duration, Instant};

use infra_bridge::Limits;
use serde_json::json;

use crate::support::client::{Client, Got, connect, publish};
use crate::support::keys::now_secs;
use crate::support::sink::Mood;
use crate::support::{Rig, client_id, device_key, eventually, limits};

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
    device.send(&connect(4, &client_id("dev"), &rig.key.token(), 1)).await;
    assert!(matches!(device.next().await, Got::ConnAck { code: 0, .. }));
    for id in 1..=400 {
        device.publish("/devices/dev/events", 1, id, b"x").await;
    }
    assert_eq!(device.within(Duration::from_millis(2500)).await, None, "still open after 2.5 s of silence");
    rig.sink.set(Mood::Prompt);
    assert_eq!(device.next().await, Got::PubAck(1));
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
