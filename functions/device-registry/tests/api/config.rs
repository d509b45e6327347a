//! `POST /v1/V:modifyCloudToDeviceConfig`, `GET /v1/V/configVersions`, `GET /v1/V/states`.

use std::sync::atomic::Ordering;

use domain::{Timestamp, config, state};
use serde_json::{Value, json};

use crate::support::{App, NOON, REG};

fn modify() -> String {
    format!("{REG}/devices/dev:modifyCloudToDeviceConfig")
}

#[tokio::test]
async fn a_new_version_is_answered_and_the_session_told() {
    let app = App::with_device().await;
    app.clock.0.store(NOON + 60, Ordering::Relaxed);
    let added = app.post(&modify(), json!({"version_to_update": 0, "binary_data": "-_8"})).await.ok();
    assert_eq!(added, json!({"version": "2", "cloudUpdateTime": "2026-11-20T12:01:00Z", "binaryData": "+/8="}));
    assert_eq!(*app.channel.hints.lock().unwrap(), ["dev"]);
    assert_eq!(app.get(&format!("{REG}/devices/dev")).await.ok()["config"], added);
    let by_number = format!("{REG}/devices/2600000000000000:modifyCloudToDeviceConfig");
    assert_eq!(app.post(&by_number, json!({"versionToUpdate": "2"})).await.ok()["version"], "3");
}

#[tokio::test]
async fn a_version_that_is_not_the_newest_is_refused() {
    let app = App::with_device().await;
    let says = "configuration is at version 1, the update expects version 7";
    for version in [json!(7), json!("7")] {
        app.post(&modify(), json!({"versionToUpdate": version})).await.refused(400, "FAILED_PRECONDITION", says);
    }
    app.post(&modify(), json!({"versionToUpdate": -1})).await.invalid("version_to_update -1");
    let large = edge::encode_base64(&vec![0; 65_537]);
    app.post(&modify(), json!({"binaryData": large})).await.invalid("65537 bytes exceeds the limit of 65536");
    app.post(&modify().replace("/dev:", "/other:"), json!({})).await.refused(404, "NOT_FOUND", "other");
    assert!(app.channel.hints.lock().unwrap().is_empty());
}

#[tokio::test]
async fn ten_versions_are_kept_newest_first() {
    let app = App::with_device().await;
    for _ in 0..11 {
        app.post(&modify(), json!({})).await.ok();
    }
    let now = Timestamp::from_secs(NOON + 5);
    config::acknowledge(&app.stores, &App::key(), 12, now).await.unwrap();
    let versions = |page: &Value| page["deviceConfigs"].as_array().unwrap().iter().map(|c| c["version"].clone()).collect::<Vec<_>>();
    let uri = format!("{REG}/devices/dev/configVersions");
    let all = app.get(&uri).await.ok();
    assert_eq!(versions(&all), ["12", "11", "10", "9", "8", "7", "6", "5", "4", "3"]);
    assert_eq!(
        (&all["deviceConfigs"][0]["deviceAckTime"], all["deviceConfigs"][1].get("deviceAckTime")),
        (&json!("2026-11-20T12:00:05Z"), None)
    );
    assert_eq!(versions(&app.get(&format!("{uri}?numVersions=2")).await.ok()), ["12", "11"]);
    assert_eq!(versions(&app.get(&format!("{uri}?num_versions=0")).await.ok()).len(), 10);
    app.get(&format!("{uri}?numVersions=-1")).await.invalid("num_versions -1");
}

#[tokio::test]
async fn states_are_listed_newest_first() {
    let app = App::with_device().await;
    let uri = format!("{REG}/devices/dev/states");
    assert_eq!(app.get(&uri).await.ok(), json!({}));
    for (secs, data) in [(1, b"a"), (2, b"b")] {
        state::report(&app.stores, &App::key(), data, Timestamp::from_secs(NOON + secs)).await.unwrap();
    }
    let newest = json!({"updateTime": "2026-11-20T12:00:02Z", "binaryData": "Yg=="});
    assert_eq!(app.get(&format!("{uri}?numStates=1")).await.ok(), json!({"deviceStates": [newest]}));
    assert_eq!(app.get(&uri).await.ok()["deviceStates"].as_array().unwrap().len(), 2);
    app.get(&format!("{uri}?numStates=-3")).await.invalid("num_states -3");
}
