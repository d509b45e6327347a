//! `GET /v1/V`.

use domain::ports::Expect;
use domain::status::{DeviceStatus, ErrorStatus};
use domain::{Timestamp, state};
use serde_json::json;

use crate::support::{App, NOON, REG};

fn dev() -> String {
    format!("{REG}/devices/dev")
}

#[tokio::test]
async fn what_the_device_did_is_told() {
    let app = App::with_device().await;
    let at = |secs| Some(Timestamp::from_secs(NOON + secs));
    let status = DeviceStatus {
        last_heartbeat: at(1),
        last_event: at(2),
        last_state: at(3),
        last_config_ack: at(4),
        last_config_send: at(5),
        last_error_time: at(6),
        last_error: Some(ErrorStatus { code: 9, message: "no route".into() }),
        last_gateway: Some("gate1".parse().unwrap()),
        last_gateway_time: at(7),
    };
    app.stores.statuses.put(&App::key().to_string(), &status, Expect::Absent).await.unwrap();
    state::report(&app.stores, &App::key(), b"ok", Timestamp(NOON * 1_000_000 + 500_000)).await.unwrap();
    let device = app.get(&dev()).await.ok();
    for (field, secs) in [("Heartbeat", 1), ("Event", 2), ("State", 3), ("ConfigAck", 4), ("ConfigSend", 5), ("Error", 6)] {
        assert_eq!(device[format!("last{field}Time")], format!("2026-11-20T12:00:0{secs}Z"));
    }
    assert_eq!(device["lastErrorStatus"], json!({"code": 9, "message": "no route"}));
    assert_eq!(device["gatewayConfig"], json!({"lastAccessedGatewayId": "gate1", "lastAccessedGatewayTime": "2026-11-20T12:00:07Z"}));
    assert_eq!(device["state"], json!({"updateTime": "2026-11-20T12:00:00.500Z", "binaryData": "b2s="}));
}

#[tokio::test]
async fn a_mask_selects_in_either_spelling_and_nested() {
    let app = App::with_registry().await;
    app.create(json!({"id": "dev", "blocked": true, "config": {"binaryData": "AA=="}, "metadata": {"room": "b"}})).await.ok();
    for (mask, expected) in [
        ("blocked", json!({"blocked": true})),
        ("numId,gateway_config", json!({"numId": "2600000000000000", "gatewayConfig": {}})),
        ("num_id,gatewayConfig", json!({"numId": "2600000000000000", "gatewayConfig": {}})),
        ("config.version", json!({"config": {"version": "1"}})),
        ("config.binaryData,metadata", json!({"config": {"binaryData": "AA=="}, "metadata": {"room": "b"}})),
        ("config", json!({"config": {"version": "1", "cloudUpdateTime": "2026-11-20T12:00:00Z", "binaryData": "AA=="}})),
        ("state,last_error_status", json!({})),
    ] {
        assert_eq!(app.get(&format!("{}?fieldMask={mask}", dev())).await.ok(), expected, "{mask}");
        assert_eq!(app.get(&format!("{}?field_mask={mask}&prettyPrint=true", dev())).await.ok(), expected, "{mask}");
    }
    assert_eq!(app.get(&format!("{}?fieldMask=", dev())).await.ok()["id"], "dev");
    app.get(&format!("{}?fieldMask=nonsense", dev())).await.invalid("`nonsense` in field_mask is no field");
}

#[tokio::test]
async fn unknown_devices_and_bad_names_are_told_apart() {
    let app = App::with_device().await;
    app.get(&format!("{REG}/devices/other")).await.refused(404, "NOT_FOUND", "devices/other` was not found");
    app.get(&format!("{REG}/devices/12345")).await.refused(404, "NOT_FOUND", "devices/12345` was not found");
    app.get(&format!("{REG}2/devices/dev")).await.refused(404, "NOT_FOUND", "reg2");
    // A number of another registry is not found here.
    app.get(&format!("{REG}2/devices/2600000000000000")).await.refused(404, "NOT_FOUND", "reg2");
    app.get(&format!("{REG}/devices/1x")).await.invalid("device id `1x`");
}

#[tokio::test]
async fn only_administrators_are_answered() {
    let app = App::with_device().await;
    let request = axum::http::Request::builder().uri(dev()).body(axum::body::Body::empty()).unwrap();
    assert_eq!(fixture::ask(&app.router, request).await.status, 401);
}
