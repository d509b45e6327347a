//! Devices that no session can exist of, as AWS IoT has them.

use domain::config;
use domain::ports::Expect;
use serde_json::json;

use crate::support::{App, REG, REGISTRY};

const ODD: &str = "/v1/projects/p-1/locations/us-central1/registries/reg/devices/a%2Bb";

#[tokio::test]
async fn a_device_that_no_session_can_exist_of_is_refused_at_once_with_and_without_ttl() {
    let app = App::new().await;
    let (to, says) = (format!("{ODD}:sendCommandToDevice"), "no session can have this name");
    app.post(&to, json!({})).await.refused(404, "NOT_FOUND", "a+b");
    app.add("a+b", 9, &[]).await;
    for body in [json!({}), json!({"ttl": "60s"})] {
        app.post(&to, body).await.refused(400, "FAILED_PRECONDITION", says);
    }
    assert!(app.channel.delivered.lock().unwrap().is_empty());
    let none = app.get(&format!("{ODD}/commands")).await.ok();
    assert_eq!(none, json!({}), "nothing waits in vain");
}

#[tokio::test]
async fn a_device_that_no_session_can_exist_of_has_its_configuration_over_http_or_none() {
    let app = App::new().await;
    app.add("a+b", 9, &[]).await;
    let uri = format!("{ODD}:modifyCloudToDeviceConfig");
    assert_eq!(app.post(&uri, json!({})).await.ok()["version"], "2");
    let mut registry = fixture::registry(REGISTRY);
    registry.http_enabled = false;
    app.stores.registries.put(REGISTRY, &registry, Expect::Anything).await.unwrap();
    app.post(&uri, json!({})).await.refused(400, "FAILED_PRECONDITION", "no session can have this name");
    assert_eq!(config::latest(&app.stores, &App::key("a+b")).await.unwrap().unwrap().version, 2);
    app.post(&uri.replace("a%2Bb", "dev"), json!({})).await.ok();
}

#[tokio::test]
async fn a_device_that_no_session_can_exist_of_counts_as_failed_and_says_why() {
    let app = App::new().await;
    app.add("a+b", 9, &[]).await;
    for body in [json!({}), json!({"ttl": "60s"})] {
        let made = app.post(&format!("{REG}:broadcastCommand"), body).await.ok();
        let done = app.post(&format!("/v1/{}:advance", made["name"].as_str().unwrap()), json!({})).await.ok();
        assert_eq!((&done["failed"], &done["acknowledged"]), (&json!(1), &json!(1)), "{done}");
        assert!(done.to_string().contains("no session can have this name"), "{done}");
        app.clock.pass(std::time::Duration::from_secs(1));
    }
}
