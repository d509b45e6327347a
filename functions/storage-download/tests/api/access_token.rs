//! The access token of our token service opens what the device's JWT opens, within its scope, and nothing of another's.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use domain::issued_token;
use domain::objects::Access;
use domain::ports::Expect;
use domain::token::{AccessToken, Secret};
use domain::{Device, Timestamp};

use crate::support::{Answer, App, NOON, REGISTRY};

/// As Google writes them: with dots, as a JWT has.
const OF_A: &str = "ya29.d.of-a";
const PATH: &str = "files/reg/dev-a/log";

async fn device(app: &App, id: &str) -> Device {
    app.stores.devices.get(&format!("{REGISTRY}/devices/{id}")).await.unwrap().unwrap().value
}

/// Records a token as the token service does, expiring so many seconds after noon.
async fn give(app: &App, id: &str, token: &str, access: Access, lives: u64) {
    let given = AccessToken { secret: Secret::new(token), expires_at: Timestamp::from_secs(NOON) + Duration::from_secs(lives) };
    let device = device(app, id).await;
    issued_token::remember(&*app.stores.issued_tokens, &device, &given, access, Timestamp::from_secs(0)).await.unwrap();
}

async fn app() -> App {
    let app = App::new().await;
    app.put_by_hand(PATH, "of a");
    app.put_by_hand("files/reg/dev-b/log", "of b");
    app.put_by_hand("files/firmware/1.bin", "firmware");
    give(&app, "dev-a", OF_A, Access::ReadWrite, 3600).await;
    app
}

async fn ask(app: &App, method: &str, device: &str, path: &str, token: &str, body: &'static str) -> Answer {
    let uri = format!("/v1/{REGISTRY}/devices/{device}/objects/{path}");
    let request = Request::builder().method(method).uri(uri).header("authorization", format!("Bearer {token}"));
    app.ask(request, Body::from(body)).await
}

#[tokio::test]
async fn a_device_reads_looks_and_writes_by_its_access_token() {
    let app = app().await;
    for device in ["dev-a", "1"] {
        let read = ask(&app, "GET", device, PATH, OF_A, "").await;
        assert_eq!((read.status, read.body.as_slice()), (200, b"of a".as_slice()), "{device}");
    }
    assert_eq!(ask(&app, "HEAD", "dev-a", "files/firmware/1.bin", OF_A, "").await.header("content-length"), "8");
    assert_eq!(ask(&app, "PUT", "dev-a", PATH, OF_A, "new").await.status, 200);
    assert_eq!(app.read(PATH).unwrap(), b"new");
    ask(&app, "GET", "dev-a", "other/x", OF_A, "").await.refused(403, "PERMISSION_DENIED", "no object rule");
}

#[tokio::test]
async fn a_token_of_one_device_never_opens_another() {
    let app = app().await;
    for method in ["GET", "PUT"] {
        for path in ["files/reg/dev-b/log", PATH, "files/firmware/1.bin", "files/none"] {
            for device in ["dev-b", "2"] {
                ask(&app, method, device, path, OF_A, "x").await.refused(401, "UNAUTHENTICATED", "given to this device");
            }
        }
        ask(&app, method, "dev-a", "files/reg/dev-b/log", OF_A, "x").await.refused(403, "PERMISSION_DENIED", "no object rule");
    }
    assert_eq!(app.read("files/reg/dev-b/log").unwrap(), b"of b");
}

#[tokio::test]
async fn another_registry_is_not_opened_even_to_a_device_of_the_same_name() {
    let app = app().await;
    let elsewhere = format!("/v1/projects/p-1/locations/us-central1/registries/reg-2/devices/dev-a/objects/{PATH}");
    let request = Request::get(elsewhere).header("authorization", format!("Bearer {OF_A}"));
    app.ask(request, Body::empty()).await.refused(401, "UNAUTHENTICATED", "given to this device");
}

#[tokio::test]
async fn a_stranger_does_not_learn_which_devices_are_there() {
    let app = app().await;
    let mut answers = Vec::new();
    for (device, token) in [("dev-b", OF_A), ("dev-b", "ya29.unknown"), ("nobody", "ya29.unknown"), ("nobody", OF_A)] {
        answers.push(ask(&app, "GET", device, PATH, token, "").await.refused(401, "UNAUTHENTICATED", "neither a JWT nor an access token"));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && !answer.contains("ya29")), "{answers:?}");
}

#[tokio::test]
async fn a_token_that_expired_opens_nothing_and_says_when() {
    let app = app().await;
    give(&app, "dev-a", "ya29.old", Access::ReadWrite, 0).await;
    let says = "expired at 2026-11-20T12:00:00Z, the server's time is 2026-11-20T12:00:00Z";
    ask(&app, "GET", "dev-a", PATH, "ya29.old", "").await.refused(401, "UNAUTHENTICATED", says);
    give(&app, "dev-a", "ya29.young", Access::ReadWrite, 1).await;
    assert_eq!(ask(&app, "GET", "dev-a", PATH, "ya29.young", "").await.status, 200);
}

#[tokio::test]
async fn a_blocked_device_and_one_that_is_gone_are_not_let_in() {
    let app = app().await;
    let (key, mut blocked) = (format!("{REGISTRY}/devices/dev-a"), device(&app, "dev-a").await);
    blocked.blocked = true;
    app.stores.devices.put(&key, &blocked, Expect::Anything).await.unwrap();
    ask(&app, "GET", "dev-a", PATH, OF_A, "").await.refused(403, "PERMISSION_DENIED", "blocked");
    assert!(app.status("dev-a").await.last_error.unwrap().message.contains("blocked"));
    // The same name, but another device.
    (blocked.blocked, blocked.num_id) = (false, 77);
    app.stores.devices.put(&key, &blocked, Expect::Anything).await.unwrap();
    ask(&app, "GET", "dev-a", PATH, OF_A, "").await.refused(401, "UNAUTHENTICATED", "given to this device");
    app.stores.devices.delete(&key, Expect::Anything).await.unwrap();
    ask(&app, "GET", "dev-a", PATH, OF_A, "").await.refused(401, "UNAUTHENTICATED", "given to this device");
}

#[tokio::test]
async fn a_token_for_reading_does_not_write() {
    let app = app().await;
    give(&app, "dev-a", "ya29.read-only", Access::Read, 3600).await;
    assert_eq!(ask(&app, "GET", "dev-a", PATH, "ya29.read-only", "").await.body, b"of a");
    let says = "the scope of this access token does not let device `dev-a` write objects";
    ask(&app, "PUT", "dev-a", PATH, "ya29.read-only", "x").await.refused(403, "PERMISSION_DENIED", says);
    assert_eq!(app.read(PATH).unwrap(), b"of a");
}

#[tokio::test]
async fn a_token_of_the_shape_of_a_jwt_is_taken_if_it_was_given_and_told_what_is_wrong_if_not() {
    let app = app().await;
    // Of the kind that the stand-in for Google's services gives.
    let token = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";
    ask(&app, "GET", "dev-a", PATH, token, "").await.refused(401, "UNAUTHENTICATED", "token algorithm `HS256` is not allowed");
    give(&app, "dev-a", token, Access::ReadWrite, 3600).await;
    assert_eq!(ask(&app, "GET", "dev-a", PATH, token, "").await.body, b"of a");
    ask(&app, "GET", "dev-b", PATH, token, "").await.refused(401, "UNAUTHENTICATED", "token algorithm `HS256` is not allowed");
}
