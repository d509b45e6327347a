//! `POST V:publishEvent`.

use std::time::Duration;

use serde_json::json;

use crate::support::{App, V};

fn uri() -> String {
    format!("{V}:publishEvent")
}

#[tokio::test]
async fn an_event_reaches_its_topics_with_the_captured_attributes() {
    let app = App::new().await;
    assert_eq!(app.post(&uri(), json!({"binary_data": "aGk="})).await.ok(), json!({}));
    assert_eq!(app.post(&uri(), json!({"binaryData": "_-8", "subFolder": "alarms", "unknown": 1})).await.ok(), json!({}));
    let published = app.published();
    let (topic, data, attributes) = &published[0];
    assert_eq!((topic.as_str(), data.as_str()), ("events", "hi"));
    let expected = json!({
        "deviceId": "dev", "deviceNumId": "2600000000000001", "deviceRegistryId": "reg",
        "deviceRegistryLocation": "us-central1", "projectId": "p-1", "subFolder": "",
    });
    assert_eq!(json!(attributes), expected);
    assert_eq!(published[1..].iter().map(|p| p.0.as_str()).collect::<Vec<_>>(), ["alarms", "audit"]);
    assert_eq!(published[1].2["subFolder"], "alarms");
    assert!(app.status().await.last_event.is_some());
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_and_becomes_the_last_error() {
    let app = App::new().await;
    let text = "Invalid value at 'binary_data' (TYPE_BYTES), Base64 decoding failed for \"123\"";
    for field in ["binary_data", "binaryData"] {
        let answer = app.post(&uri(), json!({field: "123"})).await;
        let violation = &answer.body["error"]["details"][0]["fieldViolations"][0];
        assert_eq!(violation, &json!({"field": "binary_data", "description": text}));
        answer.refused(400, "INVALID_ARGUMENT", text);
    }
    let large = edge::encode_base64(&vec![0; 256 * 1024 + 1]);
    app.post(&uri(), json!({"binaryData": large})).await.refused(400, "INVALID_ARGUMENT", "262145 bytes exceeds the limit of 262144");
    app.post(&uri(), json!({"subFolder": "/x"})).await.refused(400, "INVALID_ARGUMENT", "subfolder `/x`");
    app.send("POST", &uri(), Some(&app.good_token()), "{".into()).await.refused(400, "INVALID_ARGUMENT", "Invalid JSON");
    app.registry(|r| r.routes.truncate(1)).await;
    app.clock.pass(Duration::from_secs(60));
    let says = "no event notification config that matches subfolder ``";
    app.post(&uri(), json!({"binaryData": ""})).await.refused(400, "FAILED_PRECONDITION", says);
    assert!(app.status().await.last_error.unwrap().message.contains(says));
}

#[tokio::test]
async fn a_publisher_that_fails_is_503_so_that_the_device_sends_again() {
    let app = App::new().await;
    *app.topics.broken.lock().unwrap() = Some("audit".into());
    app.post(&uri(), json!({"subFolder": "alarms"})).await.refused(503, "UNAVAILABLE", "try again");
    app.post(&uri(), json!({})).await.ok();
}
