//! What ends a session, and what changes in a live one: takeover, expiry, records that changed.

use std::time::{Duration, Instant};

use domain::DeviceCredential;
use infra_bridge::Limits;
use serde_json::json;

use crate::support::client::{Client, Got};
use crate::support::keys::{Key, now_secs};
use crate::support::sink::Mood;
use crate::support::{REGISTRY, Rig, client_id, device_key, eventually, limits};

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
    let rig = Rig::with(Limits { recheck: Duration::from_millis(200), reread: Duration::from_millis(300), ..limits() }).await;
    let mut device = rig.device5("dev").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    device.publish("/devices/dev/events", 1, 1, b"x").await;
    assert_eq!(device.next().await, Got::PubAck(1), "nothing changed");
    rig.stores.devices.delete(&device_key("dev").to_string(), domain::ports::Expect::Anything).await.unwrap();
    let (code, reason) = device.closed().await.unwrap();
    assert_eq!((code, reason.as_str()), (0x98, "the device or its registry was deleted"));
}

#[tokio::test]
async fn new_routes_take_effect_without_a_hint_too() {
    let rig = Rig::with(Limits { recheck: Duration::from_millis(200), ..limits() }).await;
    let mut device = rig.device("dev").await;
    let mut registry = rig.stores.registries.get(REGISTRY).await.unwrap().unwrap().value;
    registry.routes[1].topic = "projects/proj/topics/moved".parse().unwrap();
    rig.put_registry(&registry).await;
    for id in 1..=100 {
        device.publish("/devices/dev/events", 1, id, b"x").await;
        assert_eq!(device.next().await, Got::PubAck(id));
        if rig.sink.texts().last().unwrap().0 == "moved" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    panic!("the old route stayed");
}

#[tokio::test]
async fn new_routes_take_effect_in_a_live_session() {
    let rig = Rig::new().await;
    let mut device = rig.device("dev").await;
    let mut registry = rig.stores.registries.get(REGISTRY).await.unwrap().unwrap().value;
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
