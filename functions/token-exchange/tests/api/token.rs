//! `POST /token`: RFC 8693, parameter by parameter.

use std::time::Duration;

use domain::PortError;
use domain::token::Issued;
use serde_json::json;

use crate::support::{App, DEV, NUM_ID, OTHER, PUBSUB, REGISTRY};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The parameters of a good request, some of them changed, left out (`""`) or added.
async fn asked(app: &App, changes: &[(&str, &str)]) -> crate::support::Answer {
    let jwt = app.good();
    let good = [("grant_type", GRANT), ("subject_token", &*jwt), ("subject_token_type", JWT), ("audience", DEV), ("scope", PUBSUB)];
    let kept = good.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let params: Vec<_> = kept.chain(changes).copied().collect();
    app.token(&params).await
}

#[tokio::test]
async fn a_good_request_is_answered_as_section_2_2_1_has_it() {
    let app = App::new().await;
    let by_number = DEV.replace("devices/dev", &format!("devices/{NUM_ID}"));
    let (full, url) = (format!("//cloudiot.googleapis.com/{DEV}"), format!("https://cloudiot.googleapis.com/v1/{DEV}"));
    for changes in [
        &[][..],
        &[("requested_token_type", ACCESS)],
        &[("audience", &by_number)],
        &[("audience", &full)],
        &[("audience", ""), ("resource", &url)],
        &[("resource", &url)],
        &[("audience", DEV), ("audience", &full)],
        &[("unknown", "ignored"), ("unknown", "twice")],
        &[("actor_token", ""), ("requested_token_type", "")],
    ] {
        let answer = asked(&app, changes).await;
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
        let expected = json!({
            "access_token": "federated-1", "issued_token_type": ACCESS, "token_type": "Bearer", "expires_in": 3600, "scope": PUBSUB,
        });
        assert_eq!(answer.ok(), expected, "{changes:?}");
    }
}

#[tokio::test]
async fn errors_are_those_of_the_rfcs_line_by_line() {
    let app = App::new().await;
    let long = "x".repeat(2_049);
    for (changes, error, says) in [
        (&[("grant_type", "")][..], "invalid_request", "`grant_type` is missing"),
        (&[("grant_type", "client_credentials")], "unsupported_grant_type", "`client_credentials`"),
        (&[("grant_type", GRANT), ("grant_type", GRANT)], "invalid_request", "`grant_type` is given more than once"),
        (&[("subject_token", "")], "invalid_request", "`subject_token` is missing"),
        (&[("subject_token", "x")], "invalid_request", "not a device JWT"),
        (&[("subject_token_type", "")], "invalid_request", "`subject_token_type` is missing"),
        (&[("subject_token_type", ACCESS)], "invalid_request", "is not `urn:ietf:params:oauth:token-type:jwt`"),
        (&[("requested_token_type", JWT)], "invalid_request", "is not `urn:ietf:params:oauth:token-type:access_token`"),
        (&[("actor_token", "x"), ("actor_token_type", JWT)], "invalid_request", "`actor_token` is not supported"),
        (&[("actor_token_type", JWT)], "invalid_request", "`actor_token_type` is not supported"),
        (&[("audience", "")], "invalid_request", "name the device by `audience`"),
        (&[("audience", "pubsub.googleapis.com")], "invalid_target", "not a device name"),
        (&[("audience", REGISTRY)], "invalid_target", "not a device name"),
        (&[("audience", DEV), ("audience", OTHER)], "invalid_target", "name different devices"),
        (&[("resource", "https://x.org/v1/projects/p")], "invalid_target", "not a device name"),
        (&[("audience", ""), ("resource", DEV)], "invalid_target", "no absolute URI"),
        (&[("audience", ""), ("resource", "https://x.org/a#fragment")], "invalid_target", "no absolute URI"),
        (&[("scope", "")], "invalid_scope", "no scope was given"),
        (&[("scope", "a\"b")], "invalid_scope", "characters that no scope has"),
        (&[("scope", &long)], "invalid_scope", "2049 bytes"),
        (&[("service_account", "nobody")], "invalid_request", "not a service account"),
        (&[("service_account", "x@p.iam.gserviceaccount.com")], "invalid_target", "may not act as"),
    ] {
        asked(&app, changes).await.oauth(400, error, says);
    }
    assert!(app.issuer.shown.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_form_or_too_large_is_an_invalid_request() {
    let app = App::new().await;
    app.send("POST", "/token", &[("content-type", "application/json")], "{}").await.oauth(400, "invalid_request", "x-www-form-urlencoded");
    app.send("POST", "/token", &[], "").await.oauth(400, "invalid_request", "x-www-form-urlencoded");
    app.token(&[("x", &"y".repeat(70_000))]).await.oauth(400, "invalid_request", "limit of 65536 bytes");
    let broken = app.send("POST", "/token", &[("content-type", "application/x-www-form-urlencoded")], b"%ff=%&&==\xff".to_vec()).await;
    broken.oauth(400, "invalid_request", "`grant_type` is missing");
}

#[tokio::test]
async fn a_blocked_device_is_told_so_because_its_token_is_good() {
    let app = App::new().await;
    app.device(|d| d.blocked = true).await;
    asked(&app, &[]).await.oauth(400, "invalid_request", "the device is blocked");
}

#[tokio::test]
async fn what_the_issuer_says_is_told_in_the_right_code() {
    let app = App::new().await;
    let refused = |code: &str| Ok(Issued::Refused { code: code.into(), why: "because \"so\"".into() });
    let busy = Ok(Issued::Busy { retry_after: Duration::from_millis(200) });
    for (answer, http, error, says) in [
        (refused("invalid_scope"), 400, "invalid_scope", "because 'so'"),
        (refused("unauthorized_client"), 400, "invalid_target", "(unauthorized_client): because 'so'"),
        (busy, 429, "temporarily_unavailable", "busy"),
        (Err(PortError::passing("token issuer", "x")), 503, "temporarily_unavailable", "try again"),
        (Err(PortError::lasting("token issuer", "x")), 500, "server_error", "the log"),
    ] {
        *app.issuer.instead.lock().unwrap() = Some(answer);
        let answer = asked(&app, &[]).await;
        answer.oauth(http, error, says);
        assert_eq!(answer.header("retry-after"), if http == 429 { "1" } else { "" });
    }
}
