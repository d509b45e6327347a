//! What must be refused, and how clearly: each line is answered by code, by reason string and by `lastErrorStatus`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use support::client::{Client, Got, connect, packet, publish};
use support::keys::{Key, now_secs};
use support::{Rig, client_id, eventually};

fn claims(aud: &str, iat: i64, exp: i64) -> serde_json::Value {
    json!({"aud": aud, "iat": now_secs() + iat, "exp": now_secs() + exp})
}

fn unsigned() -> String {
    let part = |v: serde_json::Value| URL_SAFE_NO_PAD.encode(v.to_string());
    format!("{}.{}.", part(json!({"alg": "none"})), part(claims("proj", 0, 3600)))
}

#[tokio::test]
async fn bad_tokens_are_refused_each_with_its_reason() {
    let rig = Rig::new().await;
    let key = &rig.key;
    let with_public_key_as_secret = {
        let secret = EncodingKey::from_secret(key.raw().pem.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims("proj", 0, 3600), &secret).unwrap()
    };
    let table = [
        ("another project", key.sign(&claims("other", 0, 3600)), "audience `other` does not match project `proj`"),
        ("expired", key.sign(&claims("proj", -7200, -3600)), "token expired at"),
        ("clock 11 minutes slow", key.sign(&claims("proj", -660 - 600, -660)), "token expired at"),
        ("clock 11 minutes fast", key.sign(&claims("proj", 660, 3600)), "set the device's clock"),
        ("alg none", unsigned(), "algorithm `none` is not allowed"),
        ("HS256 with the public key", with_public_key_as_secret, "algorithm `HS256` is not allowed"),
        ("another key", Key::ec().token(), "no unexpired key of the device verifies"),
        ("life of 3 days", key.sign(&claims("proj", 0, 3 * 86_400)), "token life of 259200 s"),
        ("no token", String::new(), "it is empty"),
        ("9 KiB of token", "a".repeat(9 * 1024), "exceed the limit of 8192"),
    ];
    for (number, (what, token, why)) in table.iter().enumerate() {
        // A device each: what strangers say about one is written at most once in 10 s.
        let id = format!("victim{number}");
        rig.add(&id, 100 + number as u64).await;
        let (mut old, answer) = Client::connect(rig.addr, 4, &client_id(&id), token).await;
        assert!(matches!(answer, Got::ConnAck { code: 5, .. }), "{what}: {answer:?}");
        assert_eq!(old.next().await, Got::Closed, "{what}");
        let answer = Client::connect(rig.addr, 5, &client_id(&id), token).await.1;
        let Got::ConnAck { code: 0x87, reason: Some(reason), .. } = answer else { panic!("{what}: {answer:?}") };
        assert!(reason.contains(why), "{what}: {reason}");
        let noted = rig.last_error(&id).await;
        assert!(noted.contains(why), "{what}: {noted}");
    }
    assert_eq!(rig.bridge.counters().connects, 0);
}

#[tokio::test]
async fn ten_minutes_of_clock_difference_are_tolerated() {
    let rig = Rig::new().await;
    for token in [rig.key.sign(&claims("proj", 590, 3600)), rig.key.sign(&claims("proj", -4000, -590))] {
        let _let_in = Client::accepted(rig.addr, 4, &client_id("dev"), &token).await;
    }
}

/// A CONNACK without the one thing that differs between two answers: when it was given.
fn timeless(mut got: Got) -> Got {
    let Got::ConnAck { details: Some(ack), .. } = &mut got else { panic!("{got:?}") };
    ack.user_properties.retain(|(name, _)| name != protocol::SERVER_TIME_PROPERTY);
    got
}

#[tokio::test]
async fn an_unknown_device_is_answered_like_a_wrong_key_and_leaves_no_record() {
    let rig = Rig::new().await;
    let unknown = Client::connect(rig.addr, 5, &client_id("nobody"), &rig.key.token()).await.1;
    let wrong_key = Client::connect(rig.addr, 5, &client_id("dev"), &Key::ec().token()).await.1;
    assert_eq!(timeless(unknown), timeless(wrong_key));
    assert_eq!(rig.status("nobody").await, Default::default());
}

#[tokio::test]
async fn a_blocked_device_hears_that_it_is_blocked_and_only_the_owner_of_its_key() {
    let rig = Rig::new().await;
    rig.change("dev", |d| d.blocked = true).await;
    let stranger = Client::connect(rig.addr, 5, &client_id("dev"), &Key::ec().token()).await.1;
    assert!(matches!(stranger, Got::ConnAck { code: 0x87, .. }), "{stranger:?}");
    let owner = Client::connect(rig.addr, 5, &client_id("dev"), &rig.key.token()).await.1;
    assert!(matches!(owner, Got::ConnAck { code: 0x8A, reason: Some(ref r), .. } if r.contains("blocked")), "{owner:?}");
    let (_, old) = Client::connect(rig.addr, 4, &client_id("dev"), &rig.key.token()).await;
    assert!(matches!(old, Got::ConnAck { code: 5, .. }));
    assert!(rig.last_error("dev").await.contains("the device is blocked"));
}

/// Bytes after CONNECT, what the MQTT 5 DISCONNECT says, and a part of the reason.
fn rule_breaks() -> Vec<(&'static str, Vec<u8>, u8, &'static str)> {
    let too_large = vec![0; 256 * 1024 + 1];
    let events = "/devices/dev/events";
    let alias = b"\x32\x0C\x00\x03abc\x00\x01\x03\x23\x00\x01x".to_vec();
    vec![
        ("256 KB and a byte", publish(5, events, 1, 1, &too_large), 0x95, "262145 bytes exceeds the limit of 262144"),
        ("state of 64 KB and a byte", publish(5, "/devices/dev/state", 1, 1, &too_large[..65_537]), 0x95, "65537 bytes exceeds"),
        ("packet over all limits", packet(0x32, &vec![0; 400_000]), 0x95, "packet of 400000 bytes"),
        ("QoS 2", publish(5, events, 2, 1, b"x"), 0x9B, "QoS 2 is not supported"),
        (
            "retain",
            {
                let mut p = publish(5, events, 1, 1, b"x");
                p[0] |= 1;
                p
            },
            0x9A,
            "retained messages",
        ),
        ("unknown topic", publish(5, "/devices/dev/other", 1, 1, b"x"), 0x90, "`/devices/dev/other` cannot be published to"),
        ("another device", publish(5, "/devices/dev2/events", 1, 1, b"x"), 0x90, "belongs to another device"),
        ("bad subfolder", publish(5, "/devices/dev/events/a//b", 1, 1, b"x"), 0x90, "subfolder `a//b` is not valid"),
        ("attach", publish(5, "/devices/dev/attach", 1, 1, b""), 0x90, "the device is not a gateway"),
        ("topic alias", alias, 0x94, "topic aliases"),
        ("second CONNECT", connect(5, &client_id("dev"), "x", 60), 0x82, "second CONNECT"),
        ("PUBREL", b"\x62\x02\x00\x01".to_vec(), 0x82, "QoS 2"),
        ("reserved type", b"\x00\x00".to_vec(), 0x81, "malformed packet"),
        ("packet id 0", publish(5, events, 1, 0, b"x"), 0x81, "malformed packet"),
        ("cut SUBSCRIBE", packet(0x82, &[0, 1, 0, 0, 9, b'a']), 0x81, "malformed packet"),
        ("topic that is not UTF-8", packet(0x30, &[0, 2, 0xFF, 0xFE, 0]), 0x81, "malformed packet"),
        ("endless length", vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], 0x81, "malformed packet"),
    ]
}

#[tokio::test]
async fn broken_rules_close_the_connection_each_with_its_reason() {
    let rig = Rig::new().await;
    for (what, bytes, code, why) in rule_breaks() {
        let mut device = rig.device5("dev").await;
        // What came before is published and acknowledged.
        device.publish("/devices/dev/events", 1, 9, b"before").await;
        device.io_send(&bytes).await;
        assert_eq!(device.next().await, Got::PubAck(9), "{what}");
        let (got, reason) = device.closed().await.unwrap_or_else(|| panic!("{what}: no DISCONNECT"));
        assert_eq!(got, code, "{what}: {reason}");
        assert!(reason.contains(why), "{what}: {reason}");
        let noted = rig.last_error("dev").await;
        assert!(noted.contains(why), "{what}: {noted}");
    }
}

#[tokio::test]
async fn broken_rules_close_3_1_1_connections_too() {
    let rig = Rig::new().await;
    for (what, bytes) in [
        ("256 KB and a byte", publish(4, "/devices/dev/events", 1, 1, &vec![0; 256 * 1024 + 1])),
        ("QoS 2", publish(4, "/devices/dev/events", 2, 1, b"x")),
        ("unknown topic", publish(4, "/devices/dev/other", 1, 1, b"x")),
        ("reserved type", b"\xF0\x00".to_vec()),
    ] {
        let mut device = rig.device("dev").await;
        device.io_send(&bytes).await;
        assert_eq!(device.closed().await, None, "{what}: 3.1.1 has no DISCONNECT from the server");
    }
    // Retain cannot be refused in 3.1.1; the flag is ignored.
    let mut device = rig.device("dev").await;
    let mut retained = publish(4, "/devices/dev/events", 1, 1, b"x");
    retained[0] |= 1;
    device.send(&retained).await;
    assert_eq!(device.next().await, Got::PubAck(1));
}

#[tokio::test]
async fn what_is_not_mqtt_is_closed_without_a_word() {
    let rig = Rig::new().await;
    let large = packet(0x10, &[b"\0\x04MQTT\x04\xC2\0\x3C".as_slice(), &vec![b'a'; 17 * 1024]].concat());
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), b"\x30\x05\0\x03abc", b"\x10\x0F\0\x04HTTP\x04\xC2\0\x3C\0\0\0\0\0", &large] {
        let mut client = Client::open(rig.addr, 4).await;
        client.io_send(bytes).await;
        assert_eq!(client.next().await, Got::Closed);
    }
    eventually("four refusals", || rig.bridge.counters().refused_malformed == 4).await;
}

#[tokio::test]
async fn an_event_without_a_route_closes_the_connection_and_state_is_unaffected() {
    let rig = Rig::new().await;
    let mut registry = rig.stores.registries.get(support::REGISTRY).await.unwrap().unwrap().value;
    registry.routes.clear();
    rig.put_registry(&registry).await;
    let mut device = rig.device5("dev").await;
    device.publish("/devices/dev/state", 1, 1, b"up").await;
    assert_eq!(device.next().await, Got::PubAck(1));
    device.publish("/devices/dev/events/sub1", 1, 2, b"x").await;
    let (code, reason) = device.closed().await.unwrap();
    assert_eq!(code, 0x83);
    assert!(reason.contains("no event notification config that matches subfolder `sub1`"), "{reason}");
    assert!(rig.last_error("dev").await.contains("subfolder `sub1`"));
}
