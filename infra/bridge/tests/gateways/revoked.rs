//! Attached devices that are taken from their gateway.

use std::time::Duration;

use domain::device::GatewayAuthMethod;
use domain::ports::Delivery;
use infra_bridge::Limits;
use serde_json::json;

use crate::rig::{ERRORS, attached, command, error, gate, is_quiet, rig, rig_with, unbind};
use crate::support::client::Got;
use crate::support::keys::now_secs;
use crate::support::{device_key, limits};

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
