//! What a gateway asks for in vain, and what it is told.

use serde_json::json;

use crate::rig::{attached, error, is_quiet, rig};
use crate::support::client::Got;

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
