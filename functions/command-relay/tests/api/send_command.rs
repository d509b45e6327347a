//! `POST /v1/V:sendCommandToDevice` without `ttl`: now or not at all.

use std::sync::atomic::Ordering;

use domain::PortError;
use domain::ports::Delivery;
use serde_json::json;

use crate::support::{App, DEV, REG};

fn send() -> String {
    format!("{DEV}:sendCommandToDevice")
}

#[tokio::test]
async fn a_command_reaches_the_session_by_id_and_by_number() {
    let app = App::new().await;
    assert_eq!(app.post(&send(), json!({"binaryData": "-_8", "subfolder": "a/b c"})).await.ok(), json!({}));
    app.post(&send().replace("/dev:", "/7:"), json!({"binary_data": "AA=="})).await.ok();
    let delivered = app.channel.delivered.lock().unwrap();
    assert!(delivered.len() == 2 && delivered.iter().all(|(device, c)| device == "dev" && c.id.is_none()));
    assert_eq!((delivered[0].1.subfolder.as_str(), &delivered[0].1.data[..]), ("a/b c", &[0xFB, 0xFF][..]));
    assert_eq!((delivered[1].1.subfolder.as_str(), &delivered[1].1.data[..]), ("", &[0][..]));
}

#[tokio::test]
async fn what_became_of_it_is_told_in_googles_words() {
    let app = App::new().await;
    app.all(Ok(Delivery::Delivered));
    assert_eq!(app.post(&send(), json!({})).await.ok(), json!({}), "QoS 0");
    for delivery in [Delivery::NotSubscribed, Delivery::NotConnected] {
        app.all(Ok(delivery));
        app.post(&send(), json!({})).await.refused(400, "FAILED_PRECONDITION", "is not subscribed to the commands topic");
    }
    app.all(Ok(Delivery::TimedOut));
    app.post(&send(), json!({})).await.refused(504, "DEADLINE_EXCEEDED", "did not acknowledge");
    app.all(Ok(Delivery::Lost));
    app.post(&send(), json!({})).await.refused(504, "DEADLINE_EXCEEDED", "lost its connection before it acknowledged");
    app.all(Ok(Delivery::Refused));
    app.post(&send(), json!({})).await.refused(400, "FAILED_PRECONDITION", "`dev` refused the command");
    app.all(Ok(Delivery::Busy));
    app.post(&send(), json!({})).await.refused(429, "RESOURCE_EXHAUSTED", "takes no more");
    app.all(Err(PortError::passing("commands", "a secret reason")));
    let refused = app.post(&send(), json!({})).await;
    refused.refused(503, "UNAVAILABLE", "try again");
    assert!(!refused.body.to_string().contains("secret"), "{refused:?}");
    assert_eq!(app.get(&format!("{DEV}/commands")).await.ok(), json!({}), "nothing waits that was not asked to");
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_before_it_is_sent() {
    let app = App::new().await;
    let large = edge::encode_base64(&vec![0; 64 * 1024 + 1]);
    app.post(&send(), json!({"binaryData": large})).await.invalid("65537 bytes exceeds the limit of 65536");
    for subfolder in ["a+b", "a#", "a\0", &"x".repeat(257)] {
        app.post(&send(), json!({"subfolder": subfolder})).await.invalid("without `+`, `#` and NUL");
    }
    app.post(&send(), json!({"binaryData": "123"}))
        .await
        .invalid("Invalid value at 'binary_data' (TYPE_BYTES), Base64 decoding failed for \"123\"");
    for (ttl, says) in [("1h", "ttl `1h` is no duration"), ("0s", "ttl 0 s is not valid"), ("604801s", "at most 604800 s")] {
        app.post(&send(), json!({"ttl": ttl})).await.invalid(says);
    }
    assert!(app.channel.delivered.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_device_that_does_not_exist_is_not_found_by_id_and_by_number() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    for unknown in ["/other:", "/8:"] {
        app.post(&send().replace("/dev:", unknown), json!({})).await.refused(404, "NOT_FOUND", &unknown[1..unknown.len() - 1]);
    }
}

#[tokio::test]
async fn a_session_that_takes_the_command_vouches_for_its_device_and_no_record_is_read() {
    let (app, reads) = App::counting().await;
    app.post(&send(), json!({})).await.ok();
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    app.all(Ok(Delivery::NotConnected));
    app.post(&send(), json!({})).await.refused(400, "FAILED_PRECONDITION", "`dev` is not connected");
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_group_reaches_the_devices_that_are_bound_to_its_gateway_and_no_others() {
    let app = App::new().await;
    app.group().await;
    app.add("free", 9, &[]).await;
    for (group, device) in [("gate", "dev"), ("gate", "7"), ("8", "dev")] {
        app.post(&format!("{REG}/groups/{group}/devices/{device}:sendCommandToDevice"), json!({})).await.ok();
    }
    for (group, device, says) in [
        ("gate", "free", "groups/gate/devices/free` was not found: no device `free` is bound to gateway `gate`"),
        ("gate", "9", "groups/gate/devices/9` was not found"),
        ("gate", "none", "groups/gate/devices/none` was not found"),
        ("gate", "gate", "groups/gate/devices/gate` was not found"),
        ("none", "dev", "groups/none` was not found: a group is a gateway"),
        ("free", "dev", "`free` is no gateway of this registry"),
        ("1x", "dev", "`1x` is no gateway of this registry"),
    ] {
        for body in [json!({}), json!({"ttl": "60s"})] {
            let uri = format!("{REG}/groups/{group}/devices/{device}:sendCommandToDevice");
            app.post(&uri, body).await.refused(404, "NOT_FOUND", says);
        }
    }
    let delivered = app.channel.delivered.lock().unwrap();
    assert!(delivered.len() == 3 && delivered.iter().all(|(device, _)| device == "dev"));
}

#[tokio::test]
async fn in_a_group_the_binding_is_read_before_the_session_is_asked() {
    let (app, reads) = App::counting().await;
    app.group().await;
    reads.store(0, Ordering::Relaxed);
    let uri = format!("{REG}/groups/gate/devices/dev:sendCommandToDevice");
    app.post(&uri, json!({})).await.ok();
    assert_eq!(reads.load(Ordering::Relaxed), 2, "the gateway's record and the device's, for their numbers");
    // Made anew under the same id: nobody bound this one.
    app.add("dev", 9, &[]).await;
    app.post(&uri, json!({})).await.refused(404, "NOT_FOUND", "groups/gate/devices/dev` was not found");
    assert_eq!(app.channel.delivered.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_number_that_outlived_its_device_does_not_reach_the_one_that_has_its_id_now() {
    let app = App::new().await;
    // Made anew under the same id; the entry of the first number was left behind.
    app.add("dev", 9, &[]).await;
    app.post(&send().replace("/dev:", "/7:"), json!({})).await.refused(404, "NOT_FOUND", "7");
    app.post(&send().replace("/dev:", "/9:"), json!({})).await.ok();
    assert_eq!(app.channel.delivered.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_but_an_administrator_sends() {
    let app = App::new().await;
    for uri in [send(), format!("{REG}:broadcastCommand"), format!("{REG}/groups/none/devices/dev:sendCommandToDevice")] {
        let request = axum::http::Request::post(uri).body(axum::body::Body::empty()).unwrap();
        let answer = fixture::ask(&app.router, request).await;
        assert_eq!(answer.status, 401);
    }
}
