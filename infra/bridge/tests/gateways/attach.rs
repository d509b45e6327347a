//! How a device is attached and detached, and what the answers wait for.

use std::time::Duration;

use domain::device::GatewayAuthMethod;
use domain::ports::Delivery;
use serde_json::json;

use crate::rig::{ERRORS, attached, command, error, gate, is_quiet, rig, rig_with, unbind};
use crate::support::client::{Got, publish, subscribe};
use crate::support::keys::Key;
use crate::support::sink::Mood;
use crate::support::{device_key, eventually, limits};

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
