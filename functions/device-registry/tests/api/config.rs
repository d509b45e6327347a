//! `GET /v1/V/configVersions`, `GET /v1/V/states`.

use domain::{Timestamp, config, state};
use serde_json::{Value, json};

use crate::support::{App, NOON, REG};

#[tokio::test]
async fn ten_versions_are_kept_newest_first() {
    let app = App::with_device().await;
    let now = Timestamp::from_secs(NOON + 5);
    for _ in 0..11 {
        config::update(&app.stores, &App::key(), vec![], None, now).await.unwrap();
    }
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
