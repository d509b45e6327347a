//! `POST V:publishEvents`: an answer per event.

use serde_json::{Value, json};

use crate::support::{App, V};

fn uri() -> String {
    format!("{V}:publishEvents")
}

#[tokio::test]
async fn identity_and_own_attributes_travel() {
    let app = App::new().await;
    let events = json!([
        {"binaryData": "YQ==", "readingId": "3-1042", "capturedAtMs": "1795176000123", "attributes": {"unit": "C", "readingId": "9-9"}},
        {"binary_data": "Yg==", "sub_folder": "alarms", "captured_at_ms": 7, "attributes": {"deviceId": "other"}},
    ]);
    assert_eq!(app.post(&uri(), json!({"events": events})).await.ok(), json!({"results": [{}, {}]}));
    let published = app.published();
    let find = |topic: &str| published.iter().find(|p| p.0 == topic).unwrap();
    let first = &find("events").2;
    assert_eq!((first["readingId"].as_str(), first["capturedAtMs"].as_str(), first["unit"].as_str()), ("3-1042", "1795176000123", "C"));
    let second = &find("alarms").2;
    assert_eq!((second["deviceId"].as_str(), second["capturedAtMs"].as_str()), ("dev", "7"), "a device cannot speak in another's name");
}

#[tokio::test]
async fn only_what_failed_is_answered_with_an_error() {
    let app = App::new().await;
    *app.topics.broken.lock().unwrap() = Some("audit".into());
    let events = json!([
        {"binaryData": "MQ=="},
        {"binaryData": "123"},
        {"binaryData": "Mw==", "subFolder": "alarms"},
        {"binaryData": "NA==", "readingId": "four"},
        {"binaryData": "NQ==", "attributes": {"goog-x": "y"}},
        {"binaryData": "Ng==", "attributes": {"x": "y".repeat(1025)}},
        {"binaryData": "Nw==", "subFolder": "/"},
        {"binaryData": "OA=="},
    ]);
    let answer = app.post(&uri(), json!({"events": events})).await.ok();
    let errors: Vec<_> = answer["results"].as_array().unwrap().iter().map(|r| r["error"]["status"].as_str()).collect();
    let invalid = Some("INVALID_ARGUMENT");
    assert_eq!(errors, [None, invalid, Some("UNAVAILABLE"), invalid, invalid, invalid, invalid, None]);
    let data: Vec<_> = app.published().into_iter().filter(|p| p.0 == "events").map(|p| p.1).collect();
    assert_eq!(data, ["1", "8"]);
    assert_eq!(answer["results"][1]["error"]["code"], 400);
    assert!(answer["results"][1]["error"]["message"].as_str().unwrap().contains("'events[1].binary_data'"));
    assert!(app.status().await.last_error.unwrap().message.contains("events[1]"));
}

#[tokio::test]
async fn a_batch_has_limits() {
    let app = App::new().await;
    let of = |count: usize, data: &str| json!({"events": vec![json!({"binaryData": data}); count]});
    app.post(&uri(), of(1_001, "")).await.refused(400, "INVALID_ARGUMENT", "1001 events exceed the limit of 1000");
    let quarter = edge::encode_base64(&vec![7; 250_000]);
    app.post(&uri(), of(41, &quarter)).await.refused(400, "INVALID_ARGUMENT", "10250000 bytes");
    assert!(app.published().is_empty());
    let answer = app.post(&uri(), of(40, &quarter)).await.ok();
    assert_eq!(answer["results"], Value::Array(vec![json!({}); 40]));
    assert_eq!(app.post(&uri(), json!({})).await.ok(), json!({"results": []}));
}
