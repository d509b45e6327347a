//! `POST V:generateAccessToken`.

use std::time::Duration;

use domain::PortError;
use domain::token::Issued;
use serde_json::json;

use crate::support::{AUDIENCE, App, DEV, NOON, NUM_ID, OTHER, PUBSUB, REGISTRY, opened, percent};

#[tokio::test]
async fn a_device_gets_a_token_under_every_name_version_and_body() {
    let app = App::new().await;
    let by_number = DEV.replace("devices/dev", &format!("devices/{NUM_ID}"));
    let form = format!("scope={}&device={}", percent(PUBSUB), percent(DEV));
    let json = json!({"scope": PUBSUB, "device": DEV}).to_string();
    let list = json!({"scope": [PUBSUB], "device": by_number}).to_string();
    let bearer = format!("Bearer {}", app.good());
    let form_type = "application/x-www-form-urlencoded";
    for (version, device, content_type, body) in [
        ("v1beta1", DEV, form_type, &form),
        ("v1alpha1", DEV, "application/x-www-form-urlencoded; charset=UTF-8", &form),
        ("v1beta1", DEV, "application/json", &json),
        ("v1beta1", &by_number, form_type, &json),
        ("v1alpha1", &by_number, "text/plain", &list),
    ] {
        let uri = format!("/{version}/{device}:generateAccessToken");
        let answer = app.send("POST", &uri, &[("authorization", &bearer), ("content-type", content_type)], body.clone()).await;
        assert_eq!((answer.header("cache-control"), answer.header("date")), ("no-store", "Fri, 20 Nov 2026 12:00:00 GMT"));
        let expected = json!({
            "access_token": "federated-1", "expires_in": 3600, "token_type": "Bearer", "scope": PUBSUB,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        });
        assert_eq!(answer.ok(), expected);
    }
    assert_eq!(app.cache.counters().fetched, 1, "one device, one scope: one exchange");
}

#[tokio::test]
async fn the_subject_token_names_the_device_by_its_number_and_says_where_it_is_registered() {
    let app = App::new().await;
    app.ask().await.ok();
    let (subject, scope) = app.issuer.shown.lock().unwrap()[0].clone();
    let (header, claims) = opened(&subject);
    assert_eq!(scope, PUBSUB);
    let expected = json!({
        "iss": "https://tokens.example.com", "aud": AUDIENCE, "sub": "2600000000000001", "iat": NOON - 10, "exp": NOON + 3600,
        "project": "p-1", "location": "us-central1", "registry": "reg", "device": "dev",
    });
    assert_eq!(claims, expected);
    let jwks = app.send("GET", "/jwks", &[], "").await.ok();
    assert_eq!((&header["alg"], &header["kid"]), (&json!("ES256"), &jwks["keys"][0]["kid"]));
    let public = &jwks["keys"][0];
    let key = jsonwebtoken::DecodingKey::from_ec_components(public["x"].as_str().unwrap(), public["y"].as_str().unwrap()).unwrap();
    let (signed, signature) = subject.rsplit_once('.').unwrap();
    assert!(jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, jsonwebtoken::Algorithm::ES256).unwrap());
}

#[tokio::test]
async fn a_scope_in_another_order_is_the_same_and_another_scope_is_another_token() {
    let app = App::new().await;
    for (scope, token) in [("a b", "federated-1"), ("b  a", "federated-1"), ("a", "federated-2")] {
        let answer = app.generate(DEV, &app.good(), json!({"scope": scope})).await.ok();
        assert_eq!(answer["access_token"], token, "{scope}");
    }
    let other = crate::support::signed(&app.other_key, &json!({"aud": "p-1", "iat": NOON, "exp": NOON + 60}));
    assert_eq!(app.generate(OTHER, &other, json!({"scope": "a"})).await.ok()["access_token"], "federated-3");
}

#[tokio::test]
async fn a_cached_token_is_served_with_what_is_left_of_its_life() {
    let app = App::new().await;
    app.ask().await.ok();
    app.clock.set(NOON + 1000);
    let answer = app.ask().await.ok();
    assert_eq!((&answer["access_token"], &answer["expires_in"]), (&json!("federated-1"), &json!(2600)));
    app.clock.set(NOON + 2701);
    assert_eq!(app.ask().await.ok()["access_token"], "federated-2");
}

#[tokio::test]
async fn a_blocked_device_gets_nothing_from_that_moment_cached_or_not() {
    let app = App::new().await;
    app.ask().await.ok();
    app.device(|d| d.blocked = true).await;
    app.ask().await.refused(403, "PERMISSION_DENIED", "the device is blocked");
    assert_eq!(app.status().await.last_error.unwrap().code, 7);
    app.device(|d| d.blocked = false).await;
    app.ask().await.ok();
}

#[tokio::test]
async fn a_device_created_anew_under_the_same_name_does_not_inherit_the_token() {
    let app = App::new().await;
    app.ask().await.ok();
    app.device(|d| d.num_id += 7).await;
    assert_eq!(app.ask().await.ok()["access_token"], "federated-2");
}

#[tokio::test]
async fn the_body_cannot_name_another_device_than_the_path() {
    let app = App::new().await;
    for device in [OTHER, &DEV.replace("/reg/", "/reg2/"), &DEV.replace("devices/dev", "devices/1")] {
        let answer = app.generate(DEV, &app.good(), json!({"scope": PUBSUB, "device": device})).await;
        answer.refused(400, "INVALID_ARGUMENT", "is not the device of the path");
    }
    app.generate(DEV, &app.good(), json!({"scope": PUBSUB, "device": "x"})).await.refused(400, "INVALID_ARGUMENT", "not a device name");
    assert!(app.issuer.shown.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_in_googles_shape() {
    let app = App::new().await;
    let jwt = app.good();
    let ask = |body| app.generate(DEV, &jwt, body);
    let e = ask(json!({})).await;
    e.refused(400, "INVALID_ARGUMENT", "no scope was given");
    assert_eq!(e.body["error"]["details"][0]["fieldViolations"][0]["field"], "scope");
    ask(json!({"scope": "a\u{e9}"})).await.refused(400, "INVALID_ARGUMENT", "characters that no scope has");
    ask(json!({"scope": "x".repeat(2049)})).await.refused(400, "INVALID_ARGUMENT", "2049 bytes exceeds the limit of 2048");
    ask(json!({"scope": "a", "serviceAccount": "nobody"})).await.refused(400, "INVALID_ARGUMENT", "not a service account");
    ask(json!({"scope": "x".repeat(70_000)})).await.refused(400, "INVALID_ARGUMENT", "limit of 65536 bytes");
    ask(json!([1])).await.refused(400, "INVALID_ARGUMENT", "Invalid JSON payload");
    let bearer = format!("Bearer {}", app.good());
    let twice = app
        .send(
            "POST",
            &format!("/v1beta1/{DEV}:generateAccessToken"),
            &[("authorization", &bearer), ("content-type", "application/x-www-form-urlencoded")],
            "scope=a&scope=b",
        )
        .await;
    twice.refused(400, "INVALID_ARGUMENT", "`scope` is given more than once");
    app.send("POST", "/v1beta1/projects/p/locations/l/registries/reg/devices/1x:generateAccessToken", &[], "").await.refused(
        400,
        "INVALID_ARGUMENT",
        "device id `1x`",
    );
    app.send("GET", &format!("/v1beta1/{DEV}:generateAccessToken"), &[], "").await.refused(404, "NOT_FOUND", "is not part of this API");
}

#[tokio::test]
async fn a_service_account_needs_an_allowance_of_the_device_or_its_registry() {
    let (allowed, own) = ("fleet@p.iam.gserviceaccount.com", "own@p.iam.gserviceaccount.com");
    let app = App::allowing(&[&format!("{REGISTRY}={allowed}"), &format!("{OTHER}={own}")]).await;
    let jwt = app.good();
    let ask = |account: &str| app.generate(DEV, &jwt, json!({"scope": PUBSUB, "serviceAccount": account}));
    let granted = ask(allowed).await.ok();
    assert_eq!(granted["access_token"], "account-1");
    assert_eq!(app.issuer.shown.lock().unwrap()[0].1, "https://www.googleapis.com/auth/iam");
    let expected = ("federated-1".to_owned(), allowed.to_owned(), PUBSUB.to_owned());
    assert_eq!(*app.issuer.accounts.lock().unwrap(), [expected]);
    assert_eq!(ask(allowed).await.ok()["access_token"], "account-1", "cached");
    assert_eq!(app.ask().await.ok()["access_token"], "federated-2", "as itself it is another token");
    ask(own).await.refused(403, "PERMISSION_DENIED", "may not act as `own@p.iam.gserviceaccount.com`");
    assert!(app.status().await.last_error.unwrap().message.contains("may not act as"));
    assert_eq!(app.issuer.accounts.lock().unwrap().len(), 1, "the cloud was not asked");
}

#[tokio::test]
async fn what_the_issuer_says_is_told_in_the_right_code() {
    let app = App::new().await;
    let refused = |code: &str, why: &str| Ok(Issued::Refused { code: code.into(), why: why.into() });
    let busy = Ok(Issued::Busy { retry_after: Duration::from_secs(30) });
    for (answer, http, status, says) in [
        (refused("invalid_scope", "unknown scope"), 400, "INVALID_ARGUMENT", "unknown scope"),
        (refused("unauthorized_client", "rejected by the attribute condition"), 403, "PERMISSION_DENIED", "attribute condition"),
        (busy, 429, "RESOURCE_EXHAUSTED", "ask again in 30 s"),
        (Err(PortError::passing("token issuer", "timed out at 10.0.0.1")), 503, "UNAVAILABLE", "try again"),
        (Err(PortError::lasting("token issuer", "strange answer")), 500, "INTERNAL", "the log of the server says why"),
    ] {
        *app.issuer.instead.lock().unwrap() = Some(answer);
        let answer = app.ask().await;
        let message = answer.refused(http, status, says);
        assert!(!message.contains("10.0.0.1"), "inner words stay in the log");
        assert_eq!(answer.header("retry-after"), if http == 429 { "30" } else { "" });
        assert_eq!(app.status().await.last_error.unwrap().message, message);
    }
}

#[tokio::test]
async fn a_hundred_requests_at_once_are_one_exchange() {
    let app = App::new().await;
    let answers = futures_util::future::join_all((0..100).map(|_| app.ask())).await;
    assert!(answers.into_iter().all(|a| a.ok()["access_token"] == "federated-1"));
    assert_eq!(app.issuer.shown.lock().unwrap().len(), 1);
}
