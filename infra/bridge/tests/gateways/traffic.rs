//! What goes up and down over a gateway for a device that is attached to it.

use domain::config;
use domain::ports::Delivery;

use crate::rig::{attached, command, got, rig};
use crate::support::client::Got;
use crate::support::sink::Mood;
use crate::support::{device_key, eventually};

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
async fn a_publish_that_fails_on_our_side_ends_the_session_so_that_all_is_sent_again() {
    let rig = rig().await;
    let mut gate = attached(&rig, 4).await;
    rig.sink.set(Mood::Failing { retryable: true });
    gate.publish("/devices/dev/events", 1, 3, b"x").await;
    gate.closed().await;
    eventually("nobody has the device", || rig.bridge.counters().sessions == 0).await;
    assert_eq!(rig.bridge.commands().deliver(&device_key("dev"), command("x")).await.unwrap(), Delivery::NotConnected);
}
