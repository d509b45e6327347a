//! `POST V:setState`.

use serde_json::json;

use crate::support::{App, V};

#[tokio::test]
async fn a_state_is_kept_and_published_without_subfolder() {
    let app = App::new().await;
    assert_eq!(app.post(&format!("{V}:setState"), json!({"state": {"binary_data": "b2s="}})).await.ok(), json!({}));
    let kept = app.stores.states.get(&App::device_key().to_string()).await.unwrap().unwrap().value;
    assert_eq!(kept.states[0].data, b"ok");
    let (topic, data, attributes) = app.published().remove(0);
    assert_eq!((topic.as_str(), data.as_str()), ("states", "ok"));
    assert!(!attributes.contains_key("subFolder"));
    assert!(app.status().await.last_state.is_some());
}

#[tokio::test]
async fn a_state_that_is_too_large_or_no_base64_is_refused() {
    let app = App::new().await;
    let large = edge::encode_base64(&vec![0; 64 * 1024 + 1]);
    let uri = format!("{V}:setState");
    app.post(&uri, json!({"state": {"binaryData": large}})).await.refused(400, "INVALID_ARGUMENT", "state of 65537 bytes");
    assert!(app.status().await.last_error.is_some());
    app.post(&uri, json!({"state": {"binaryData": "1"}})).await.refused(400, "INVALID_ARGUMENT", "'state.binary_data'");
    assert!(app.stores.states.get(&App::device_key().to_string()).await.unwrap().is_none());
}
