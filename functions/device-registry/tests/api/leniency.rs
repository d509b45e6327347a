//! What clients really send: both spellings, numbers for names, nulls, unknown fields, no body.

use serde_json::json;

use crate::support::{App, P, REG};

#[tokio::test]
async fn names_numbers_nulls_and_unknown_fields_are_read() {
    let app = App::new();
    let sent = json!({
        "id": "reg", "unknown": {"x": 1}, "logLevel": 40, "mqtt_config": {"mqtt_enabled_state": "MQTT_DISABLED"}, "credentials": null,
        "httpConfig": {"httpEnabledState": null}, "event_notification_configs": [{"pubsub_topic_name": "projects/p/topics/abc"}],
    });
    let got = app.post(&format!("{P}/registries?alt=json&%24alt=json%3Benum-encoding%3Dint&key=k&quotaUser=u&fields=id"), sent).await.ok();
    assert_eq!((&got["logLevel"], &got["mqttConfig"]["mqttEnabledState"]), (&json!("DEBUG"), &json!("MQTT_DISABLED")));
    assert_eq!(got["httpConfig"]["httpEnabledState"], "HTTP_ENABLED");
    assert_eq!(got["eventNotificationConfigs"][0]["pubsubTopicName"], "projects/p/topics/abc");
}

#[tokio::test]
async fn bytes_are_read_in_both_alphabets_and_written_in_one() {
    let app = App::with_device().await;
    for (n, text) in ["+/8=", "+/8", "-_8=", "-_8"].into_iter().enumerate() {
        let made = app.create(json!({"id": format!("bytes-{n}"), "config": {"binaryData": text}})).await.ok();
        assert_eq!(made["config"]["binaryData"], "+/8=", "{text}");
    }
    // Metadata are free text, whatever they are called.
    app.create(json!({"id": "dev2", "metadata": {"binaryData": "123"}})).await.ok();
}

#[tokio::test]
async fn bodies_that_are_no_object_are_refused() {
    let app = App::with_device().await;
    let uri = format!("{REG}/devices");
    for body in ["[]", "\"x\"", "{", "{\"id\":7}", "{\"metadata\":{\"a1\":7}}"] {
        app.raw("POST", &uri, body.into()).await.invalid("Invalid JSON payload received");
    }
    app.raw("PATCH", &format!("{REG}/devices/dev?updateMask=blocked"), String::new()).await.ok();
    app.raw("POST", &uri, format!("{{\"id\":\"{}\"}}", "x".repeat(2 << 20))).await.invalid("exceeds the limit of 2097152 bytes");
    app.create(json!({"id": "dev3", "credentials": [{"expirationTime": "soon"}]})).await.invalid("\"soon\"");
}
