//! Gateways: devices that speak for others.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use domain::device::{GatewayAuthMethod, GatewayType};
use domain::ports::{Command, Delivery};
use domain::{config, gateway};
use infra_bridge::Limits;
use serde_json::{Value, json};
use support::client::{Client, Got, publish, subscribe};
use support::keys::{Key, now_secs};
use support::sink::Mood;
use support::{Rig, client_id, device_key, eventually, limits};

const ERRORS: &str = "/devices/gate/errors";

/// A bridge with gateway `gate` (number 2) and the devices `dev` (1), which is bound to it, and `other` (3), which is not.
async fn rig_with(limits: Limits, method: GatewayAuthMethod) -> Rig {
    let rig = Rig::with(limits).await;
    rig.add("gate", 2).await;
    rig.add("other", 3).await;
    rig.change("gate", |d| {
        d.gateway.kind = GatewayType::Gateway;
        d.gateway.auth_method = method;
    })
    .await;
    bind(&rig, "dev").await;
    rig
}

async fn rig() -> Rig {
    rig_with(limits(), GatewayAuthMethod::AssociationOnly).await
}

async fn record(rig: &Rig, id: &str) -> domain::Device {
    rig.stores.devices.get(&device_key(id).to_string()).await.unwrap().unwrap().value
}

async fn bind(rig: &Rig, id: &str) {
    gateway::bind(&rig.stores, &record(rig, "gate").await, &record(rig, id).await, rig.now()).await.unwrap();
}

async fn unbind(rig: &Rig, id: &str) {
    gateway::unbind(&rig.stores, &record(rig, "gate").await, &record(rig, id).await).await.unwrap();
    rig.bridge.commands().hint(&device_key(id)).await.unwrap();
}

async fn gate(rig: &Rig, level: u8) -> Client {
    Client::accepted(rig.addr, level, &client_id("gate"), &rig.key.token()).await
}

/// A gateway that hears its errors and has attached `dev`.
async fn attached(rig: &Rig, level: u8) -> Client {
    let mut gate = gate(rig, level).await;
    gate.subscribe(1, &[(ERRORS, 0)]).await;
    assert_eq!(gate.next().await, Got::SubAck(1, vec![0]));
    gate.publish("/devices/dev/attach", 1, 2, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(2));
    gate
}

async fn error(gate: &mut Client) -> Value {
    match gate.next().await {
        Got::Publish { topic, payload, qos: 0, .. } if topic == ERRORS => serde_json::from_slice(&payload).unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn got(gate: &mut Client) -> (String, Bytes, u16) {
    match gate.next().await {
        Got::Publish { topic, payload, id, .. } => (topic, payload, id),
        other => panic!("{other:?}"),
    }
}

/// Nothing came, and the connection is still there.
async fn is_quiet(gate: &mut Client) {
    gate.ping().await;
    assert_eq!(gate.next().await, Got::Pong);
}

fn command(data: &'static str) -> Command {
    Command { id: None, subfolder: String::new(), data: data.into() }
}

#[tokio::test]
async fn telemetry_and_state_of_an_attached_device_are_its_own_and_name_the_gateway() {
    for level in [4, 5] {
        let rig = rig().await;
        let mut gate = attached(&rig, level).await;
        for (id, topic, payload) in
            [(3, "/devices/dev/events/room", "a"), (4, "/devices/1/state", "on"), (5, "/devices/gate/events", "mine")]
        {
            gate.publish(topic, 1, id, payload.as_bytes()).await;
            assert_eq!(gate.next().await, Got::PubAck(id));
        }
        let taken = rig.sink.taken.lock().unwrap().clone();
        let said = |place: usize, name: &str| taken[place].1.attributes.get(name).map(str::to_owned);
        let who = |place| [said(place, "deviceId"), said(place, "deviceNumId"), said(place, "gatewayId")].map(Option::unwrap_or_default);
        assert_eq!(who(0), ["dev", "1", "gate"]);
        assert_eq!(said(0, "subFolder").unwrap(), "room");
        assert_eq!((who(1), taken[1].0.as_str()), (["dev", "1", "gate"].map(String::from), "states"));
        assert_eq!(who(2), ["gate", "2", ""]);
        let state = rig.stores.states.get(&device_key("dev").to_string()).await.unwrap().unwrap().value;
        assert_eq!(state.states[0].data, b"on");
        let status = rig.status("dev").await;
        assert_eq!(status.last_gateway.unwrap().as_str(), "gate");
        assert!(status.last_event.is_some() && status.last_state.is_some() && status.last_gateway_time.is_some());
    }
}

#[tokio::test]
async fn configuration_and_commands_of_an_attached_device_come_over_its_gateway() {
    for level in [4, 5] {
        let rig = rig().await;
        let mut gate = attached(&rig, level).await;
        gate.subscribe(3, &[("/devices/dev/config", 1), ("/devices/dev/commands/#", 1), ("/devices/gate/config", 0)]).await;
        assert_eq!(gate.next().await, Got::SubAck(3, vec![1, 1, 0]));
        let mut topics = Vec::new();
        for _ in 0..2 {
            let (topic, payload, id) = got(&mut gate).await;
            assert_eq!(payload, "");
            topics.push(topic);
            if id > 0 {
                gate.ack(id).await;
            }
        }
        topics.sort();
        assert_eq!(topics, ["/devices/dev/config", "/devices/gate/config"]);
        let version = config::update(&rig.stores, &device_key("dev"), b"hot".to_vec(), None, rig.now()).await.unwrap().version;
        rig.bridge.commands().hint(&device_key("dev")).await.unwrap();
        let (topic, payload, id) = got(&mut gate).await;
        assert_eq!((topic.as_str(), &payload[..]), ("/devices/dev/config", &b"hot"[..]));
        gate.ack(id).await;
        let (commands, key) = (rig.bridge.commands(), device_key("dev"));
        let waiting = tokio::spawn(async move { commands.deliver(&key, command("go")).await });
        let (topic, payload, id) = got(&mut gate).await;
        assert_eq!((topic.as_str(), &payload[..]), ("/devices/dev/commands", &b"go"[..]));
        gate.ack(id).await;
        assert_eq!(waiting.await.unwrap().unwrap(), Delivery::Acknowledged);
        let acked = rig.stores.configs.get(&device_key("dev").to_string()).await.unwrap().unwrap().value;
        assert!(acked.versions.iter().find(|c| c.version == version).unwrap().device_ack_time.is_some());
        let to_gate = rig.bridge.commands().deliver(&device_key("gate"), command("x")).await.unwrap();
        assert_eq!(to_gate, Delivery::NotSubscribed, "the gateway's own commands are another subscription");
    }
}

#[tokio::test]
async fn attach_is_a_barrier_for_what_was_sent_behind_it_at_once() {
    for level in [4, 5] {
        let rig = rig().await;
        let mut gate = gate(&rig, level).await;
        rig.sink.set(Mood::Stalled);
        let bytes = [
            publish(level, "/devices/gate/events", 1, 1, b"before"),
            publish(level, "/devices/dev/attach", 1, 2, b"{\"authorization\" : \"\"}"),
            publish(level, "/devices/dev/events", 1, 3, b"behind"),
            subscribe(level, 4, &[("/devices/dev/commands/#", 1)]),
            vec![0xC0, 0],
        ];
        gate.send(&bytes.concat()).await;
        assert_eq!(gate.next().await, Got::Pong, "a ping waits for nothing");
        assert!(gate.within(Duration::from_millis(200)).await.is_none(), "nothing is attached before what came first is finished");
        assert_eq!(rig.bridge.commands().deliver(&device_key("dev"), command("x")).await.unwrap(), Delivery::NotConnected);
        rig.sink.set(Mood::Prompt);
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(gate.next().await);
        }
        let subscribed = answers.iter().position(|a| *a == Got::SubAck(4, vec![1])).expect("granted after the attach");
        answers.remove(subscribed);
        assert_eq!(answers, [Got::PubAck(1), Got::PubAck(2), Got::PubAck(3)]);
        assert_eq!(rig.sink.texts().iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["before", "behind"]);
    }
}

#[tokio::test]
async fn detach_is_acknowledged_whether_or_not_the_device_was_attached() {
    let rig = rig().await;
    let mut gate = gate(&rig, 4).await;
    gate.publish("/devices/dev/detach", 1, 1, b"{}").await;
    assert_eq!(gate.next().await, Got::PubAck(1));
    gate.publish("/devices/dev/attach", 1, 2, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(2));
    gate.subscribe(3, &[("/devices/dev/commands/#", 0)]).await;
    assert_eq!(gate.next().await, Got::SubAck(3, vec![0]));
    gate.publish("/devices/dev/detach", 1, 4, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(4));
    assert_eq!(rig.bridge.commands().deliver(&device_key("dev"), command("x")).await.unwrap(), Delivery::NotConnected);
    let counted = rig.bridge.counters();
    assert_eq!((counted.attached, counted.detached), (1, 1));
}

#[tokio::test]
async fn a_publish_for_a_device_that_is_not_attached_is_told_and_not_acknowledged() {
    let rig = rig().await;
    let mut gate = attached(&rig, 4).await;
    gate.publish("/devices/other/state", 1, 10, b"x").await;
    let expected = json!({
        "error_type": "GATEWAY_DEVICE_NOT_FOUND",
        "description": "The specified device with ID 'other' is not attached to the gateway.",
        "device_id": "other",
        "mqtt_message_info": {"message_type": "PUBLISH", "topic": "/devices/other/state", "packet_id": 10},
    });
    assert_eq!(error(&mut gate).await, expected);
    is_quiet(&mut gate).await;
    gate.subscribe(11, &[("/devices/other/config", 1), ("/devices/dev/errors", 0)]).await;
    assert_eq!(gate.next().await, Got::SubAck(11, vec![128, 128]));
    assert_eq!((rig.sink.len(), rig.bridge.counters().not_attached), (0, 1));
}

#[tokio::test]
async fn mqtt_5_says_by_its_puback_what_was_refused() {
    let rig = rig().await;
    let mut gate = attached(&rig, 5).await;
    for (id, topic, kind) in
        [(3, "/devices/other/attach", "GATEWAY_ATTACHMENT_ERROR"), (4, "/devices/other/events", "GATEWAY_DEVICE_NOT_FOUND")]
    {
        gate.publish(topic, 1, id, b"").await;
        assert_eq!(error(&mut gate).await["error_type"], kind);
        assert_eq!(gate.next().await, Got::Refused(id, 0x87));
    }
}

#[tokio::test]
async fn an_attach_without_the_right_to_it_is_told_and_leaves_the_connection() {
    let rig = rig().await;
    rig.add("hub", 4).await;
    rig.make_gateway("hub").await;
    let mut gate = attached(&rig, 4).await;
    for (id, device, payload, says) in [
        (3, "other", "", "device `other` is not bound to gateway `gate`"),
        (4, "none", "", "device `none` was not found"),
        (5, "hub", "", "device `hub` is a gateway"),
        (6, "gate", "", "device `gate` is a gateway"),
        (7, "dev", "nonsense", "the payload is neither empty nor"),
        (8, "1x", "", "`1x`"),
    ] {
        let topic = format!("/devices/{device}/attach");
        gate.publish(&topic, 1, id, payload.as_bytes()).await;
        let error = error(&mut gate).await;
        assert_eq!((&error["error_type"], &error["device_id"]), (&json!("GATEWAY_ATTACHMENT_ERROR"), &json!(device)));
        assert_eq!(error["mqtt_message_info"], json!({"message_type": "PUBLISH", "topic": topic, "packet_id": id}));
        assert!(error["description"].as_str().unwrap().contains(says), "{error}");
        is_quiet(&mut gate).await;
    }
    assert!(rig.last_error("gate").await.contains("`other` was not attached: device `other` is not bound"));
    assert_eq!(rig.bridge.counters().attach_refused, 6);
}

#[tokio::test]
async fn each_auth_method_asks_for_what_it_says() {
    use GatewayAuthMethod as Method;
    let says = |says: &'static str| Some(says);
    for (method, token, bound, refused) in [
        (Method::AssociationOnly, "", true, None),
        (Method::AssociationOnly, "stranger", true, None),
        (Method::DeviceAuthTokenOnly, "", true, says("needs the JWT of device `dev`")),
        (Method::DeviceAuthTokenOnly, "stranger", true, says("no unexpired key of the device verifies")),
        (Method::DeviceAuthTokenOnly, "own", false, None),
        (Method::AssociationAndDeviceAuthToken, "own", true, None),
        (Method::AssociationAndDeviceAuthToken, "own", false, says("is not bound to gateway")),
        (Method::AssociationAndDeviceAuthToken, "", true, says("needs the JWT")),
        (Method::Unspecified, "own", true, says("has no gatewayAuthMethod")),
    ] {
        let rig = rig_with(limits(), method).await;
        if !bound {
            unbind(&rig, "dev").await;
        }
        let token = match token {
            "own" => rig.key.token(),
            "stranger" => Key::ec().token(),
            none => none.to_owned(),
        };
        let mut gate = gate(&rig, 4).await;
        gate.subscribe(1, &[(ERRORS, 0)]).await;
        assert_eq!(gate.next().await, Got::SubAck(1, vec![0]));
        gate.publish("/devices/dev/attach", 1, 2, json!({ "authorization": token }).to_string().as_bytes()).await;
        match refused {
            None => assert_eq!(gate.next().await, Got::PubAck(2), "{method:?} {bound}"),
            Some(says) => assert!(error(&mut gate).await["description"].as_str().unwrap().contains(says), "{method:?} {bound}"),
        }
    }
}

#[tokio::test]
async fn a_device_that_was_unbound_blocked_or_deleted_is_detached_and_its_gateway_told() {
    for (how, says) in [("unbound", "is not bound to gateway `gate`"), ("blocked", "the device is blocked"), ("deleted", "was deleted")] {
        let rig = rig().await;
        let mut gate = attached(&rig, 5).await;
        match how {
            "unbound" => unbind(&rig, "dev").await,
            "blocked" => rig.change("dev", |d| d.blocked = true).await,
            _ => _ = rig.stores.devices.delete(&device_key("dev").to_string(), domain::ports::Expect::Anything).await.unwrap(),
        }
        rig.bridge.commands().hint(&device_key("dev")).await.unwrap();
        let error = error(&mut gate).await;
        assert_eq!((&error["error_type"], &error["device_id"]), (&json!("GATEWAY_DETACHMENT_DEVICE_ERROR"), &json!("dev")));
        assert!(error["description"].as_str().unwrap().contains(says), "{error}");
        assert_eq!(rig.bridge.commands().deliver(&device_key("dev"), command("x")).await.unwrap(), Delivery::NotConnected);
        is_quiet(&mut gate).await;
        assert_eq!(rig.bridge.counters().detached_revoked, 1);
    }
}

#[tokio::test]
async fn a_token_that_expires_detaches_its_device_without_a_hint() {
    let limits = Limits { recheck: Duration::from_millis(300), ..limits() };
    let rig = rig_with(limits, GatewayAuthMethod::DeviceAuthTokenOnly).await;
    let mut gate = gate(&rig, 4).await;
    gate.subscribe(1, &[(ERRORS, 0)]).await;
    assert_eq!(gate.next().await, Got::SubAck(1, vec![0]));
    // The tolerated clock difference is ten minutes, so this one counts for two more seconds.
    let token = rig.key.sign(&json!({"aud": "proj", "iat": now_secs() - 1200, "exp": now_secs() - 598}));
    gate.publish("/devices/dev/attach", 1, 2, json!({ "authorization": token }).to_string().as_bytes()).await;
    assert_eq!(gate.next().await, Got::PubAck(2));
    assert!(error(&mut gate).await["description"].as_str().unwrap().contains("token expired"));
}

#[tokio::test]
async fn the_newest_connection_of_a_device_has_it() {
    let rig = rig().await;
    let mut gate = attached(&rig, 4).await;
    let mut device = rig.device("dev").await;
    assert!(error(&mut gate).await["description"].as_str().unwrap().contains("another connection of the same device took over"));
    is_quiet(&mut gate).await;
    device.subscribe(1, &[("/devices/dev/commands/#", 0)]).await;
    assert_eq!(device.next().await, Got::SubAck(1, vec![0]));
    assert_eq!(rig.bridge.commands().deliver(&device_key("dev"), command("x")).await.unwrap(), Delivery::Delivered);
    gate.publish("/devices/dev/attach", 1, 9, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(9));
    device.closed().await;
    let counted = rig.bridge.counters();
    assert_eq!((counted.detached_taken_over, counted.ended_taken_over), (1, 1));
}

#[tokio::test]
async fn what_breaks_a_rule_for_an_attached_device_detaches_that_device_alone() {
    let rig = rig().await;
    let mut gate = attached(&rig, 4).await;
    gate.publish("/devices/dev/state", 1, 3, &vec![b'x'; 64 * 1024 + 1]).await;
    let error = error(&mut gate).await;
    assert_eq!(error["error_type"], "GATEWAY_DETACHMENT_DEVICE_ERROR");
    assert!(error["description"].as_str().unwrap().contains("exceeds the limit of 65536 bytes"), "{error}");
    assert!(rig.last_error("dev").await.contains("state of 65537 bytes"));
    gate.publish("/devices/gate/events", 1, 4, b"still here").await;
    assert_eq!(gate.next().await, Got::PubAck(4));
    assert_eq!(rig.bridge.counters().detached_rule, 1);
}

#[tokio::test]
async fn a_publish_that_fails_on_our_side_ends_the_session_so_that_all_is_sent_again() {
    let rig = rig().await;
    let mut gate = attached(&rig, 4).await;
    rig.sink.set(Mood::Failing { retryable: true });
    gate.publish("/devices/dev/events", 1, 3, b"x").await;
    gate.closed().await;
    eventually("nobody has the device", || rig.bridge.counters().sessions == 0).await;
    assert_eq!(rig.bridge.commands().deliver(&device_key("dev"), command("x")).await.unwrap(), Delivery::NotConnected);
}

#[tokio::test]
async fn past_the_limit_no_more_devices_are_attached_and_they_take_no_session_of_others() {
    let limits = Limits { attached_devices: 2, max_sessions: 2, ..limits() };
    let rig = rig_with(limits, GatewayAuthMethod::AssociationOnly).await;
    rig.add("more", 5).await;
    for id in ["other", "more"] {
        bind(&rig, id).await;
    }
    let mut gate = attached(&rig, 4).await;
    gate.publish("/devices/other/attach", 1, 3, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(3));
    gate.publish("/devices/more/attach", 1, 4, b"").await;
    let error = error(&mut gate).await;
    assert!(error["description"].as_str().unwrap().contains("2 devices are attached to the gateway, the limit is 2"), "{error}");
    gate.publish("/devices/dev/attach", 1, 5, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(5), "attached already");
    let _another = rig.device("more").await;
    gate.publish("/devices/dev/detach", 1, 6, b"").await;
    assert_eq!(gate.next().await, Got::PubAck(6));
    assert_eq!(rig.bridge.counters().sessions, 2);
}

#[tokio::test]
async fn a_gateway_that_disconnects_takes_its_devices_with_it() {
    let rig = rig().await;
    let mut gate = attached(&rig, 4).await;
    gate.publish("/devices/dev/events", 1, 3, b"last").await;
    gate.send(&[0xE0, 0]).await;
    gate.closed().await;
    assert_eq!(rig.sink.texts(), [("events".to_owned(), "last".to_owned())]);
    eventually("the session is gone", || rig.bridge.counters().sessions == 0).await;
    assert_eq!(rig.bridge.commands().deliver(&device_key("dev"), command("x")).await.unwrap(), Delivery::NotConnected);
    let mut again = attached(&rig, 4).await;
    is_quiet(&mut again).await;
}

#[tokio::test]
async fn a_thousand_devices_are_attached_and_speak_over_one_connection() {
    const DEVICES: u16 = 1_000;
    let rig = rig().await;
    let ids: Vec<String> = (0..DEVICES).map(|n| format!("node{n:04}")).collect();
    for (number, id) in (100..).zip(&ids) {
        rig.add(id, number).await;
        bind(&rig, id).await;
    }
    let mut gate = gate(&rig, 4).await;
    // All at once, and behind each attach an event: the order of the answers says that nothing overtook.
    let both = |(n, id): (u16, &String)| {
        let attach = publish(4, &format!("/devices/{id}/attach"), 1, 2 * n + 1, b"");
        [attach, publish(4, &format!("/devices/{id}/events"), 1, 2 * n + 2, id.as_bytes())].concat()
    };
    gate.send(&(0..DEVICES).zip(&ids).flat_map(both).collect::<Vec<u8>>()).await;
    for id in 1..=2 * DEVICES {
        assert_eq!(gate.next().await, Got::PubAck(id));
    }
    let said: Vec<String> = rig.sink.texts().into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ids);
    gate.publish("/devices/other/attach", 1, 9_000, b"").await;
    is_quiet(&mut gate).await;
    let counted = rig.bridge.counters();
    assert_eq!((counted.attached, counted.attach_refused, counted.sessions), (u64::from(DEVICES), 1, 1));
    gate.send(&[0xE0, 0]).await;
    gate.closed().await;
    eventually("the session is gone", || rig.bridge.counters().sessions == 0).await;
    assert_eq!(rig.bridge.commands().deliver(&device_key("node0999"), command("x")).await.unwrap(), Delivery::NotConnected);
}
