//! `POST /v1/V:modifyCloudToDeviceConfig`.

use std::time::Duration;

use domain::config;
use serde_json::json;

use crate::support::{App, DEV, REG};

fn modify() -> String {
    format!("{DEV}:modifyCloudToDeviceConfig")
}

#[tokio::test]
async fn a_new_version_is_answered_and_the_session_told() {
    let app = App::new().await;
    app.clock.pass(Duration::from_secs(60));
    let added = app.post(&modify(), json!({"version_to_update": 0, "binary_data": "-_8"})).await.ok();
    assert_eq!(added, json!({"version": "2", "cloudUpdateTime": "2026-11-20T12:01:00Z", "binaryData": "+/8="}));
    assert_eq!(*app.channel.hints.lock().unwrap(), ["dev"]);
    let latest = config::latest(&app.stores, &App::key("dev")).await.unwrap().unwrap();
    assert_eq!((latest.version, &latest.data[..]), (2, &[0xFB, 0xFF][..]));
    assert_eq!(app.post(&modify().replace("/dev:", "/7:"), json!({"versionToUpdate": "2"})).await.ok()["version"], "3");
}

#[tokio::test]
async fn in_a_group_only_its_own_devices_are_given_a_configuration() {
    let app = App::new().await;
    app.group().await;
    app.add("free", 9, &[]).await;
    let group = format!("{REG}/groups/gate/devices");
    assert_eq!(app.post(&format!("{group}/dev:modifyCloudToDeviceConfig"), json!({})).await.ok()["version"], "2");
    assert_eq!(app.post(&format!("{group}/7:modifyCloudToDeviceConfig"), json!({"versionToUpdate": "2"})).await.ok()["version"], "3");
    let says = "groups/gate/devices/free` was not found";
    app.post(&format!("{group}/free:modifyCloudToDeviceConfig"), json!({})).await.refused(404, "NOT_FOUND", says);
    assert_eq!(config::latest(&app.stores, &App::key("free")).await.unwrap().unwrap().version, 1);
    assert_eq!(*app.channel.hints.lock().unwrap(), ["dev", "dev"]);
}

#[tokio::test]
async fn a_version_that_is_not_the_newest_is_refused() {
    let app = App::new().await;
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
async fn bytes_are_read_in_both_alphabets_and_written_in_one() {
    let app = App::new().await;
    for text in ["+/8=", "+/8", "-_8=", "-_8"] {
        assert_eq!(app.post(&modify(), json!({"binaryData": text})).await.ok()["binaryData"], "+/8=", "{text}");
    }
}

#[tokio::test]
async fn of_updates_that_expect_the_same_version_one_wins() {
    let app = App::new().await;
    let update = || async { app.post(&modify(), json!({"versionToUpdate": "1"})).await.status };
    let (a, b, c) = tokio::join!(update(), update(), update());
    let mut answers = [a, b, c];
    answers.sort_unstable();
    assert_eq!(answers, [200, 400, 400]);
}
