//! Who is let in, by which key and which name; and what CONNACK says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Expect, Page, Records, Versioned, Written};
use domain::{Device, DeviceCredential, PortError, Timestamp};
use infra_bridge::Limits;
use infra_local::memory_stores;
use support::client::{Client, Got, connect, packet};
use support::keys::Key;
use support::{Rig, client_id, limits};

async fn code(rig: &Rig, level: u8, client_id: &str, token: &str) -> (u8, String) {
    match Client::connect(rig.addr, level, client_id, token).await.1 {
        Got::ConnAck { code, reason, session_present: false, .. } => (code, reason.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_unexpired_credential_lets_the_device_in() {
    let rig = Rig::new().await;
    let (ec, rsa) = (Key::ec(), Key::rsa());
    for public in [ec.raw(), ec.x509(), rsa.raw(), rsa.x509()] {
        let key = if public.format.algorithm() == ec.raw().format.algorithm() { &ec } else { &rsa };
        let credential = |key, expires_at| DeviceCredential { key, expires_at };
        // The right one stands last, behind one that is live and one that is expired.
        let live = credential(Key::ec().raw(), None);
        let expired = credential(Key::rsa().raw(), Some(Timestamp::from_secs(1)));
        rig.change("dev", |d| d.credentials = vec![expired, live, credential(public.clone(), None)]).await;
        assert_eq!(code(&rig, 4, &client_id("dev"), &key.token()).await.0, 0, "{:?}", public.format);
        rig.change("dev", |d| d.credentials = vec![credential(public.clone(), Some(Timestamp::from_secs(1)))]).await;
        assert_eq!(code(&rig, 4, &client_id("dev"), &key.token()).await.0, 5, "expired {:?}", public.format);
    }
}

#[tokio::test]
async fn a_device_may_name_itself_by_its_number() {
    let rig = Rig::new().await;
    let mut device = Client::accepted(rig.addr, 4, &client_id("1"), &rig.key.token()).await;
    device.subscribe(3, &[("/devices/1/config", 1)]).await;
    assert_eq!(device.next().await, Got::SubAck(3, vec![1]));
    assert!(matches!(device.next().await, Got::Publish { topic, .. } if topic == "/devices/1/config"));
}

#[tokio::test]
async fn connack_codes_are_those_of_cloud_iot_core() {
    let rig = Rig::new().await;
    let (id, token) = (client_id("dev"), rig.key.token());
    for (level, bad_id, bad_token) in [(4, 2, 5), (5, 0x85, 0x87)] {
        assert_eq!(code(&rig, level, &id, &token).await.0, 0);
        assert_eq!(code(&rig, level, "dev", &token).await.0, bad_id);
        assert_eq!(code(&rig, level, "", &token).await.0, bad_id);
        assert_eq!(code(&rig, level, &id, "junk").await.0, bad_token);
        assert_eq!(code(&rig, level, &client_id("nobody"), &token).await.0, bad_token);
    }
    let (_, why) = code(&rig, 5, "dev", &token).await;
    assert!(why.contains("`dev`") && why.contains("projects/{project}"), "{why}");
    // MQTT 3.1 and a level of the future.
    for connect in [b"\x10\x12\x00\x06MQIsdp\x03\x02\x00\x3C\x00\x04abcd".as_slice(), b"\x10\x10\x00\x04MQTT\x09\x02\x00\x3C\x00\x04abcd"] {
        let mut client = Client::open(rig.addr, 4).await;
        client.send(connect).await;
        assert!(matches!(client.next().await, Got::ConnAck { code: 1, .. }));
        assert_eq!(client.next().await, Got::Closed);
    }
    assert_eq!(rig.bridge.counters().refused_client_id, 5);
}

#[tokio::test]
async fn mqtt_5_hears_what_this_server_has() {
    let rig = Rig::new().await;
    let mut client = Client::open(rig.addr, 5).await;
    client.send(&connect(5, &client_id("dev"), &rig.key.token(), 0)).await;
    let Got::ConnAck { details: Some(ack), .. } = client.next().await else { panic!() };
    assert_eq!(ack.receive_max.get(), 100);
    let (_, told) = ack.user_properties.iter().find(|(name, _)| name == protocol::SERVER_TIME_PROPERTY).unwrap();
    let now = domain::Timestamp::from(std::time::SystemTime::now()).0 / 1000;
    assert!((now - told.parse::<i64>().unwrap()).abs() < 10_000, "the server's time in milliseconds: {told}");
    assert_eq!(u8::from(ack.max_qos), 1);
    assert_eq!((ack.topic_alias_max, ack.retain_available, ack.shared_subscription_available), (0, false, false));
    assert!(ack.max_packet_size.unwrap() > 256 * 1024);
    assert_eq!(ack.server_keepalive_sec, Some(800), "none asked: two thirds of 20 minutes");
    assert_eq!(ack.session_expiry_interval_secs, Some(0));
}

#[tokio::test]
async fn a_will_and_a_session_to_keep_are_accepted_and_not_kept() {
    let rig = Rig::new().await;
    // Clean session 0, will with QoS 1.
    let mut body = b"\0\x04MQTT\x04\xCC\0\x3C".to_vec();
    for part in [client_id("dev").as_bytes(), b"/devices/dev/state", b"gone", b"unused", rig.key.token().as_bytes()] {
        body.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        body.extend_from_slice(part);
    }
    let mut client = Client::open(rig.addr, 4).await;
    client.send(&packet(0x10, &body)).await;
    assert!(matches!(client.next().await, Got::ConnAck { code: 0, session_present: false, .. }));
    drop(client);
    support::eventually("the session's end", || rig.bridge.counters().sessions == 0).await;
    assert_eq!(rig.sink.len(), 0, "the will is not published");
}

#[tokio::test]
async fn a_full_bridge_says_so_and_lets_a_known_device_come_back() {
    let rig = Rig::with(Limits { max_sessions: 1, ..limits() }).await;
    rig.add("second", 2).await;
    let mut first = rig.device("dev").await;
    assert_eq!(code(&rig, 4, &client_id("second"), &rig.key.token()).await.0, 3);
    assert_eq!(code(&rig, 5, &client_id("second"), &rig.key.token()).await.0, 0x89);
    let _again = rig.device("dev").await;
    assert_eq!(first.next().await, Got::Closed);
    assert_eq!(rig.bridge.counters().refused_full, 2);
}

/// Device records that can be made to fail.
struct Fragile(Arc<dyn Records<Device>>, AtomicBool, AtomicUsize);

#[async_trait]
impl Records<Device> for Fragile {
    async fn get(&self, key: &str) -> Result<Option<Versioned<Device>>, PortError> {
        self.2.fetch_add(1, Ordering::Relaxed);
        if self.1.load(Ordering::Relaxed) { Err(PortError::passing("records", "down")) } else { self.0.get(key).await }
    }
    async fn put(&self, key: &str, value: &Device, expect: Expect) -> Result<Written, PortError> {
        self.0.put(key, value, expect).await
    }
    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        self.0.delete(key, expect).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<Device>, PortError> {
        self.0.list(prefix, after, limit).await
    }
}

#[tokio::test]
async fn records_that_are_down_are_unavailable_and_end_no_session() {
    let mut stores = memory_stores();
    let fragile = Arc::new(Fragile(stores.devices.clone(), AtomicBool::new(false), AtomicUsize::new(0)));
    stores.devices = fragile.clone();
    let rig = Rig::over(stores, Limits { recheck: Duration::from_millis(50), reread: Duration::ZERO, ..limits() }).await;
    let mut device = rig.device("dev").await;
    fragile.1.store(true, Ordering::Relaxed);
    assert_eq!(code(&rig, 4, &client_id("dev"), &rig.key.token()).await.0, 3);
    assert_eq!(code(&rig, 5, &client_id("dev"), &rig.key.token()).await.0, 0x88);
    support::eventually("failed rechecks", || rig.bridge.counters().records_failed >= 2).await;
    device.publish("/devices/dev/events", 1, 1, b"on").await;
    assert_eq!(device.next().await, Got::PubAck(1));
}

#[tokio::test]
async fn a_connected_device_is_read_again_seldom_and_not_at_each_look_at_its_registry() {
    let mut stores = memory_stores();
    let counted = Arc::new(Fragile(stores.devices.clone(), AtomicBool::new(false), AtomicUsize::new(0)));
    stores.devices = counted.clone();
    let rig = Rig::over(stores, Limits { recheck: Duration::from_millis(20), ..limits() }).await;
    let mut device = rig.device("dev").await;
    let let_in = counted.2.load(Ordering::Relaxed);
    for id in 1..=50 {
        device.publish("/devices/dev/events", 1, id, b"on").await;
        assert_eq!(device.next().await, Got::PubAck(id));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(counted.2.load(Ordering::Relaxed), let_in, "25 looks at the registry, 50 messages");
    rig.bridge.commands().hint(&support::device_key("dev")).await.unwrap();
    support::eventually("a hint's read", || counted.2.load(Ordering::Relaxed) == let_in + 1).await;
}

#[tokio::test]
async fn refusals_are_counted_by_cause() {
    let rig = Rig::new().await;
    let _refused = code(&rig, 4, &client_id("dev"), "junk").await;
    support::eventually("an empty waiting room", || rig.bridge.counters().waiting == 0).await;
    let counted = serde_json::to_value(rig.bridge.counters()).unwrap();
    let nonzero: HashMap<_, _> = counted.as_object().unwrap().iter().filter(|(_, n)| **n != 0).collect();
    assert_eq!(nonzero.len(), 2, "{nonzero:?}");
    assert_eq!(counted["refused_credentials"], 1);
}
