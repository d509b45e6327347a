//! Who is let in, and what who is not let in learns.

use serde_json::json;

use crate::support::{App, NOON, V};

#[tokio::test]
async fn no_or_bad_tokens_are_401_with_the_servers_time() {
    let app = App::new().await;
    let stranger = App::new().await;
    let expired = app.token(&json!({"aud": "p-1", "iat": NOON - 7200, "exp": NOON - 3600}));
    let other_project = app.token(&json!({"aud": "p-2", "iat": NOON, "exp": NOON + 60}));
    for (token, says) in [
        (None, "carries no credentials"),
        (Some(String::new()), "Bearer"),
        (Some("x".to_owned()), "not a device JWT"),
        (Some(expired), "token expired at"),
        (Some(other_project), "audience `p-2`"),
        (Some(stranger.good_token()), "unknown device, or no unexpired key"),
    ] {
        let answer = app.send("POST", &format!("{V}:publishEvent"), token.as_deref(), "{}".into()).await;
        assert_eq!(answer.headers["date"], "Fri, 20 Nov 2026 12:00:00 GMT");
        let message = answer.refused(401, "UNAUTHENTICATED", says);
        assert!(message.contains("2026-11-20T12:00:00Z"), "{message}");
    }
    assert!(app.published().is_empty());
}

#[tokio::test]
async fn a_device_that_does_not_exist_is_answered_like_a_wrong_key_and_leaves_no_record() {
    let app = App::new().await;
    let uri = V.replace("/dev", "/ghost").replace("ghostices", "devices");
    let unknown = app.send("GET", &format!("{uri}/config"), Some(&app.good_token()), String::new()).await;
    let wrong = app.send("GET", &format!("{V}/config"), Some(&App::new().await.good_token()), String::new()).await;
    assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body));
    assert!(app.stores.statuses.list("", None, 9).await.unwrap().items.iter().all(|(key, _)| key.ends_with("/dev")));
}

#[tokio::test]
async fn a_refusal_becomes_the_devices_last_error() {
    let app = App::new().await;
    let answer = app.send("GET", &format!("{V}/config"), Some("x.y.z"), String::new()).await;
    let message = answer.refused(401, "UNAUTHENTICATED", "not a device JWT");
    let error = app.status().await.last_error.unwrap();
    assert_eq!((error.code, error.message), (16, message));
}

#[tokio::test]
async fn blocked_devices_and_disabled_registries_are_403() {
    let app = App::new().await;
    app.device(|d| d.blocked = true).await;
    app.get(&format!("{V}/config")).await.refused(403, "PERMISSION_DENIED", "the device is blocked");
    assert_eq!(app.status().await.last_error.unwrap().code, 7);
    app.device(|d| d.blocked = false).await;
    app.registry(|r| r.http_enabled = false).await;
    app.get(&format!("{V}/config")).await.refused(403, "PERMISSION_DENIED", "HTTP is disabled for this registry");
}

#[tokio::test]
async fn a_device_may_be_named_by_its_number_and_under_both_versions() {
    let app = App::new().await;
    let by_number = V.replace("devices/dev", &format!("devices/{}", crate::support::NUM_ID));
    for uri in [by_number.clone(), by_number.replace("/v1/", "/v1beta1/"), V.replace("/v1/", "/v1beta1/")] {
        let answer = app.get(&format!("{uri}/config")).await;
        assert_eq!(answer.headers["date"], "Fri, 20 Nov 2026 12:00:00 GMT");
        answer.ok();
    }
    app.get("/v2/x").await.refused(404, "NOT_FOUND", "GET /v2/x");
}
