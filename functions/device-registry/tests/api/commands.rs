//! `POST /v1/V:sendCommandToDevice`.

use domain::PortError;
use domain::ports::Delivery;
use serde_json::json;

use crate::support::{App, REG};

fn send() -> String {
    format!("{REG}/devices/dev:sendCommandToDevice")
}

#[tokio::test]
async fn a_command_reaches_the_session_by_id_and_by_number() {
    let app = App::with_device().await;
    assert_eq!(app.post(&send(), json!({"binaryData": "-_8", "subfolder": "a/b c"})).await.ok(), json!({}));
    app.post(&send().replace("/dev:", "/2600000000000000:"), json!({"binary_data": "AA=="})).await.ok();
    let delivered = app.channel.delivered.lock().unwrap();
    assert!(delivered.iter().all(|(key, _)| *key == App::key()));
    assert_eq!((delivered[0].1.subfolder.as_str(), &delivered[0].1.data[..]), ("a/b c", &[0xFB, 0xFF][..]));
    assert_eq!((delivered[1].1.subfolder.as_str(), &delivered[1].1.data[..]), ("", &[0][..]));
}

#[tokio::test]
async fn what_became_of_it_is_told_in_googles_words() {
    let app = App::with_device().await;
    let answer = |a| *app.channel.answer.lock().unwrap() = a;
    let says = "is not subscribed to the commands topic";
    for delivery in [Delivery::NotSubscribed, Delivery::NotConnected] {
        answer(Ok(delivery));
        app.post(&send(), json!({})).await.refused(400, "FAILED_PRECONDITION", says);
    }
    answer(Ok(Delivery::TimedOut));
    app.post(&send(), json!({})).await.refused(504, "DEADLINE_EXCEEDED", "did not acknowledge");
    answer(Err(PortError::passing("commands", "a secret reason")));
    let body = app.post(&send(), json!({})).await.refused(503, "UNAVAILABLE", "try again");
    assert!(!body.to_string().contains("secret"), "{body}");
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_before_it_is_sent() {
    let app = App::with_device().await;
    let large = edge::encode_base64(&vec![0; 64 * 1024 + 1]);
    app.post(&send(), json!({"binaryData": large})).await.invalid("65537 bytes exceeds the limit of 65536");
    for subfolder in ["a+b", "a#", "a\0", &"x".repeat(257)] {
        app.post(&send(), json!({"subfolder": subfolder})).await.invalid("without `+`, `#` and NUL");
    }
    app.post(&send(), json!({"binaryData": "123"}))
        .await
        .invalid("Invalid value at 'binary_data' (TYPE_BYTES), Base64 decoding failed for \"123\"");
    app.post(&send().replace("/dev:", "/other:"), json!({})).await.refused(404, "NOT_FOUND", "other");
    assert!(app.channel.delivered.lock().unwrap().is_empty());
}
