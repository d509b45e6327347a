//! How many devices one gateway may attach.

use domain::device::GatewayAuthMethod;
use domain::ports::Delivery;
use infra_bridge::Limits;

use crate::rig::{attached, bind, command, error, gate, is_quiet, rig, rig_with};
use crate::support::client::{Got, publish};
use crate::support::{device_key, eventually, limits};

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
