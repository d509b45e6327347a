//! Subscriptions, configuration and commands.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use domain::config;
use domain::ports::{Command, Delivery};
use infra_bridge::Limits;
use support::client::{Client, Got};
use support::{Rig, client_id, device_key, eventually, limits};

const CONFIG: &str = "/devices/dev/config";
const COMMANDS: &str = "/devices/dev/commands/#";

async fn update(rig: &Rig, data: &str) -> u64 {
    config::update(&rig.stores, &device_key("dev"), data.into(), None, rig.now()).await.unwrap().version
}

async fn hint(rig: &Rig) {
    rig.bridge.commands().hint(&device_key("dev")).await.unwrap();
}

async fn got_config(device: &mut Client) -> (u16, u8, Bytes) {
    match device.next().await {
        Got::Publish { topic, payload, qos, id } if topic == CONFIG => (id, qos, payload),
        other => panic!("{other:?}"),
    }
}

async fn ack_time(rig: &Rig, version: u64) -> Option<domain::Timestamp> {
    let history = rig.stores.configs.get(&device_key("dev").to_string()).await.unwrap().unwrap().value;
    history.versions.iter().find(|c| c.version == version).unwrap().device_ack_time
}

#[tokio::test]
async fn subscriptions_are_granted_filter_by_filter() {
    let rig = Rig::new().await;
    let filters = [
        (CONFIG, 2),
        (COMMANDS, 0),
        ("/devices/dev/errors", 0),
        ("#", 1),
        ("/devices/dev2/config", 1),
        ("/devices/+/config", 1),
        ("/devices/dev/commands/sub", 1),
        ("/devices/dev/events", 1),
    ];
    let mut old = rig.device("dev").await;
    old.subscribe(1, &filters).await;
    assert_eq!(old.next().await, Got::SubAck(1, vec![1, 0, 0, 128, 128, 128, 128, 128]));
    let mut new = rig.device5("dev").await;
    new.subscribe(2, &filters).await;
    assert_eq!(new.next().await, Got::SubAck(2, vec![1, 0, 0, 0x8F, 0x87, 0x87, 0x8F, 0x8F]));
}

#[tokio::test]
async fn the_newest_configuration_follows_the_suback_at_the_granted_qos() {
    let rig = Rig::new().await;
    let mut device = rig.device("dev").await;
    for (id, qos, granted) in [(1, 0, 0), (2, 1, 1), (3, 2, 1)] {
        device.subscribe(id, &[(CONFIG, qos)]).await;
        assert_eq!(device.next().await, Got::SubAck(id, vec![granted]));
        let (_, qos, payload) = got_config(&mut device).await;
        assert_eq!((qos, payload), (granted, Bytes::new()), "empty when there is none");
    }
    update(&rig, "two").await;
    device.subscribe(4, &[(CONFIG, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(4, vec![1]));
    assert_eq!(got_config(&mut device).await.2, "two");
}

#[tokio::test]
async fn a_puback_of_a_configuration_is_recorded() {
    let rig = Rig::new().await;
    let version = update(&rig, "on").await;
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[(CONFIG, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
    let (id, ..) = got_config(&mut device).await;
    assert_eq!(ack_time(&rig, version).await, None);
    device.ack(id).await;
    eventually("the acknowledgement", || rig.bridge.counters().config_acks == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(ack_time(&rig, version).await.is_some());
    let status = rig.status("dev").await;
    assert!(status.last_config_ack.is_some() && status.last_config_send.is_some(), "{status:?}");
}

#[tokio::test]
async fn a_hint_sends_what_grew_and_nothing_else() {
    let rig = Rig::new().await;
    let mut device = rig.device5("dev").await;
    hint(&rig).await;
    device.subscribe(1, &[(CONFIG, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
    assert_eq!(got_config(&mut device).await.2, "");
    hint(&rig).await;
    assert_eq!(device.within(Duration::from_millis(200)).await, None, "the version did not grow");
    update(&rig, "two").await;
    hint(&rig).await;
    assert_eq!(got_config(&mut device).await.2, "two");
}

#[tokio::test]
async fn unacknowledged_configurations_are_bounded_and_the_newest_arrives() {
    let rig = Rig::new().await;
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[(CONFIG, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
    let first = got_config(&mut device).await.0;
    for n in 2..=9 {
        update(&rig, &n.to_string()).await;
        hint(&rig).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    for n in 2..=4 {
        assert_eq!(got_config(&mut device).await.2, n.to_string());
    }
    assert_eq!(device.within(Duration::from_millis(100)).await, None, "four are in flight");
    device.ack(first).await;
    assert_eq!(got_config(&mut device).await.2, "9");
}

#[tokio::test]
async fn an_unacknowledged_configuration_comes_again_with_the_next_connection() {
    let rig = Rig::new().await;
    update(&rig, "on").await;
    for _ in 0..2 {
        let mut device = rig.device("dev").await;
        device.subscribe(1, &[(CONFIG, 1)]).await;
        assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
        assert_eq!(got_config(&mut device).await.2, "on");
    }
}

/// A command of 64 KiB.
fn large() -> Command {
    Command { id: None, subfolder: String::new(), data: vec![7; 65_536].into() }
}

#[tokio::test]
async fn a_command_that_a_session_never_took_up_is_not_connected_when_it_ends() {
    let rig = Rig::with(Limits { command_timeout: Duration::from_secs(20), ..limits() }).await;
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[(COMMANDS, 0)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![0]));
    // It reads nothing more: what the network and the session hold fills up, and one stays before the door.
    let waiting = loop {
        let commands = rig.bridge.commands();
        let mut asked = tokio::spawn(async move { commands.deliver(&device_key("dev"), large()).await });
        match tokio::time::timeout(Duration::from_millis(300), &mut asked).await {
            Ok(delivered) => assert_eq!(delivered.unwrap().unwrap(), Delivery::Delivered),
            Err(_) => break asked,
        }
    };
    let _newer = rig.device("dev").await;
    assert_eq!(waiting.await.unwrap().unwrap(), Delivery::NotConnected);
}

fn command(subfolder: &str, data: &'static str) -> Command {
    Command { id: None, subfolder: subfolder.into(), data: Bytes::from_static(data.as_bytes()) }
}

#[tokio::test]
async fn commands_say_what_became_of_them() {
    let rig = Rig::with(Limits { command_timeout: Duration::from_millis(300), ..limits() }).await;
    let (commands, key) = (rig.bridge.commands(), device_key("dev"));
    assert_eq!(commands.deliver(&key, command("", "a")).await.unwrap(), Delivery::NotConnected);
    let mut device = rig.device("dev").await;
    assert_eq!(commands.deliver(&key, command("", "a")).await.unwrap(), Delivery::NotSubscribed);
    device.subscribe(1, &[(COMMANDS, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1]));

    let waiting = {
        let (commands, key) = (commands.clone(), key.clone());
        tokio::spawn(async move { commands.deliver(&key, command("deep/down", "b")).await })
    };
    let Got::Publish { topic, payload, qos: 1, id } = device.next().await else { panic!() };
    assert_eq!((topic.as_str(), &payload[..]), ("/devices/dev/commands/deep/down", b"b".as_slice()));
    assert!(!waiting.is_finished(), "delivered only when the device says so");
    device.ack(id).await;
    assert_eq!(waiting.await.unwrap().unwrap(), Delivery::Acknowledged);

    assert_eq!(commands.deliver(&key, command("", "c")).await.unwrap(), Delivery::TimedOut);
    device.send(&support::client::packet(0xA2, &[&[0, 9, 0, 23], COMMANDS.as_bytes()].concat())).await;
    let mut next = device.next().await;
    if matches!(next, Got::Publish { .. }) {
        next = device.next().await;
    }
    assert_eq!(next, Got::UnsubAck(9));
    assert_eq!(commands.deliver(&key, command("", "d")).await.unwrap(), Delivery::NotSubscribed);
    let counted = rig.bridge.counters();
    assert_eq!((counted.commands, counted.commands_timed_out), (1, 1));
}

#[tokio::test]
async fn a_command_in_flight_ends_with_its_session() {
    let rig = Rig::new().await;
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[(COMMANDS, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
    let (commands, key) = (rig.bridge.commands(), device_key("dev"));
    let waiting = tokio::spawn(async move { commands.deliver(&key, command("", "x")).await });
    assert!(matches!(device.next().await, Got::Publish { .. }));
    drop(device);
    assert_eq!(waiting.await.unwrap().unwrap(), Delivery::Lost, "the device may have it");
}

#[tokio::test]
async fn commands_in_flight_are_bounded() {
    let rig = Rig::with(Limits { commands_in_flight: 3, command_timeout: Duration::from_millis(200), ..limits() }).await;
    let mut device = rig.device("dev").await;
    device.subscribe(1, &[(COMMANDS, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
    let (commands, key) = (rig.bridge.commands(), device_key("dev"));
    for n in 0..5 {
        let answer = if n < 3 { Delivery::TimedOut } else { Delivery::Busy };
        assert_eq!(commands.deliver(&key, command("", "x")).await.unwrap(), answer);
    }
    let counted = rig.bridge.counters();
    assert_eq!((counted.commands_timed_out, counted.commands_refused), (3, 2));
    let Got::Publish { id, .. } = device.next().await else { panic!() };
    device.ack(id).await;
    eventually("a free place", || rig.bridge.counters().commands == 1).await;
}

#[tokio::test]
async fn a_device_that_takes_one_at_a_time_gets_one_at_a_time() {
    let rig = Rig::with(Limits { command_timeout: Duration::from_millis(200), ..limits() }).await;
    let mut device = Client::one_at_a_time(rig.addr, &client_id("dev"), &rig.key.token()).await;
    device.subscribe(1, &[(CONFIG, 1), (COMMANDS, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1, 1]));
    let (id, ..) = got_config(&mut device).await;
    let (commands, key) = (rig.bridge.commands(), device_key("dev"));
    assert_eq!(commands.deliver(&key, command("", "x")).await.unwrap(), Delivery::Busy, "receive maximum is 1");
    device.ack(id).await;
    eventually("the place is free", || rig.bridge.counters().config_acks == 1).await;
    let waiting = tokio::spawn(async move { commands.deliver(&key, command("", "y")).await });
    let Got::Publish { payload, id, .. } = device.next().await else { panic!() };
    assert_eq!(payload, "y");
    device.ack(id).await;
    assert_eq!(waiting.await.unwrap().unwrap(), Delivery::Acknowledged);
}

#[tokio::test]
async fn an_mqtt_5_device_may_refuse_what_it_is_sent() {
    let rig = Rig::new().await;
    let version = update(&rig, "bad").await;
    let mut device = rig.device5("dev").await;
    device.subscribe(1, &[(CONFIG, 1), (COMMANDS, 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![1, 1]));
    let refuse = |id: u16| support::client::packet(0x40, &[&id.to_be_bytes()[..], &[0x99]].concat());
    let (id, ..) = got_config(&mut device).await;
    device.send(&refuse(id)).await;
    let (commands, key) = (rig.bridge.commands(), device_key("dev"));
    let waiting = tokio::spawn(async move { commands.deliver(&key, command("", "x")).await });
    let Got::Publish { id, .. } = device.next().await else { panic!() };
    device.send(&refuse(id)).await;
    assert_eq!(waiting.await.unwrap().unwrap(), Delivery::Refused);
    assert_eq!(ack_time(&rig, version).await, None);
    let counted = rig.bridge.counters();
    assert_eq!((counted.config_acks, counted.commands), (0, 0));
}
