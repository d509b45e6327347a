//! Connections that say nothing, or nothing any more: each has its time, and room for them is bounded.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::time::{Duration, Instant};

use infra_bridge::Limits;
use support::client::{Client, Got, connect};
use support::{Rig, client_id, limits};

#[tokio::test]
async fn a_half_open_socket_is_closed_after_one_and_a_half_keep_alives() {
    let rig = Rig::new().await;
    let mut device = Client::open(rig.addr, 5).await;
    device.send(&connect(5, &client_id("dev"), &rig.key.token(), 1)).await;
    assert!(matches!(device.next().await, Got::ConnAck { code: 0, .. }));
    let start = Instant::now();
    let (code, _) = device.closed().await.unwrap();
    assert_eq!(code, 0x8D);
    assert!((1400..2500).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert!(rig.last_error("dev").await.contains("keep-alive"));
}

#[tokio::test]
async fn pings_keep_a_connection_and_idle_ones_end() {
    let rig = Rig::with(Limits { idle: Duration::from_millis(600), ..limits() }).await;
    let mut device = rig.device("dev").await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        device.ping().await;
        assert_eq!(device.next().await, Got::Pong);
    }
    assert_eq!(device.closed().await, None);
    assert_eq!(rig.bridge.counters().ended_silent, 1);
}

#[tokio::test]
async fn connections_that_never_send_connect_cost_a_bounded_room_and_stop_nobody() {
    let rig = Rig::with(Limits { max_waiting: 50, grace: Duration::from_millis(20), ..limits() }).await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(tokio::net::TcpStream::connect(rig.addr).await.unwrap());
        assert!(rig.bridge.counters().waiting <= 50);
    }
    let start = Instant::now();
    let mut device = rig.device("dev").await;
    device.publish("/devices/dev/events", 1, 1, b"x").await;
    assert_eq!(device.next().await, Got::PubAck(1));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let counted = rig.bridge.counters();
    assert!(counted.waiting <= 50 && counted.refused_evicted >= 350, "{counted:?}");
}

#[tokio::test]
async fn a_silent_connection_is_closed_at_the_deadline() {
    let rig = Rig::with(Limits { connect_timeout: Duration::from_millis(200), ..limits() }).await;
    let mut silent = Client::open(rig.addr, 4).await;
    let mut half = Client::open(rig.addr, 4).await;
    half.send(&connect(4, &client_id("dev"), "x", 60)[..20]).await;
    assert_eq!(silent.next().await, Got::Closed);
    assert_eq!(half.next().await, Got::Closed);
    assert_eq!(rig.bridge.counters().refused_silent, 2);
}
