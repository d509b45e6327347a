//! `PATCH /v1/V`.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{App, REG, es256};

fn patch(mask: &str) -> String {
    format!("{REG}/devices/dev?updateMask={mask}")
}

#[tokio::test]
async fn a_field_named_and_absent_becomes_its_default() {
    let app = App::with_registry().await;
    app.create(json!({"id": "dev", "blocked": true, "metadata": {"room": "b"}, "credentials": [es256()], "logLevel": "DEBUG"})).await.ok();
    let device = app.patch(&patch("blocked"), json!({})).await.ok();
    assert_eq!((device.get("blocked"), &device["metadata"]["room"]), (None, &json!("b")));
    let device = app.patch(&patch("metadata,credentials,log_level"), json!({})).await.ok();
    for field in ["metadata", "credentials", "logLevel"] {
        assert_eq!(device.get(field), None, "{field}");
    }
    assert_eq!(*app.channel.hints.lock().unwrap(), ["dev", "dev"], "the live session is told");
}

#[tokio::test]
async fn only_what_the_mask_names_changes() {
    let app = App::with_device().await;
    let body =
        json!({"blocked": true, "metadata": {"room": "c"}, "gatewayConfig": {"gatewayType": 1, "gatewayAuthMethod": "ASSOCIATION_ONLY"}});
    let device = app.patch(&patch("gatewayConfig.gatewayType"), body.clone()).await.ok();
    assert_eq!((&device["gatewayConfig"], device.get("blocked")), (&json!({"gatewayType": "GATEWAY"}), None));
    let device = app.patch(&patch("gateway_config,metadata"), body).await.ok();
    assert_eq!(device["gatewayConfig"], json!({"gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_ONLY"}));
    assert_eq!((&device["metadata"], device.get("blocked")), (&json!({"room": "c"}), None));
    // The whole of a device comes back: its configuration too.
    assert_eq!(device["config"]["version"], "1");
}

#[tokio::test]
async fn a_program_may_send_back_what_it_read_by_number() {
    let app = App::with_registry().await;
    let device = app.create(json!({"id": "dev", "credentials": [es256()]})).await.ok();
    let mut credentials = device["credentials"].as_array().unwrap().clone();
    credentials.push(es256());
    let uri = format!("/v1/{}?updateMask=credentials", device["name"].as_str().unwrap());
    let patched = app.patch(&uri, json!({"credentials": credentials})).await.ok();
    assert_eq!(patched["credentials"].as_array().unwrap().len(), 2);
    assert_eq!(patched["credentials"][1]["expirationTime"], "1970-01-01T00:00:00Z", "the epoch still means never");
    let stored = app.stores.devices.get(&App::key().to_string()).await.unwrap().unwrap().value;
    assert!(stored.credentials.iter().all(|c| c.expires_at.is_none()));
}

#[tokio::test]
async fn what_cannot_be_updated_is_refused() {
    let app = App::with_device().await;
    app.patch(&format!("{REG}/devices/dev"), json!({"blocked": true})).await.invalid("update_mask must name");
    app.patch(&patch(""), json!({})).await.invalid("update_mask must name");
    for field in ["id", "numId", "name", "lastEventTime", "state", "nonsense"] {
        app.patch(&patch(field), json!({})).await.invalid("is immutable, set by the server or no field");
    }
    app.patch(&patch("config"), json!({})).await.invalid("use modifyCloudToDeviceConfig");
    app.patch(&patch("credentials"), json!({"credentials": vec![es256(); 4]})).await.invalid("4 credentials");
    app.patch(&patch("metadata"), json!({"metadata": {"1": ""}})).await.invalid("metadata key `1`");
    app.patch(&patch("blocked").replace("/dev?", "/other?"), json!({})).await.refused(404, "NOT_FOUND", "other");
    assert!(app.channel.hints.lock().unwrap().is_empty());
}

#[tokio::test]
async fn updates_at_once_lose_nothing() {
    let app = App::with_device().await;
    let credentials = json!({"credentials": [es256()]});
    let (a, b, c) = (patch("blocked"), patch("credentials"), patch("metadata"));
    let answers =
        join_all([app.patch(&a, json!({"blocked": true})), app.patch(&b, credentials), app.patch(&c, json!({"metadata": {"room": "d"}}))])
            .await;
    answers.into_iter().for_each(|a| drop(a.ok()));
    let device = app.get(&format!("{REG}/devices/dev")).await.ok();
    assert_eq!((&device["blocked"], &device["metadata"]["room"]), (&json!(true), &json!("d")));
    assert_eq!(device["credentials"].as_array().unwrap().len(), 1);
}
