//! Attacks on the device JWT at both doors, line by line; what strangers learn; one device's token at another's door.

use serde_json::{Value, json};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use crate::support::{Answer, App, DEV, NOON, NUM_ID, OTHER, PUBSUB, signed};

const SERVER_TIME: &str = "2026-11-20T12:00:00Z";

/// The same token at `generateAccessToken` and at `/token`.
async fn both(app: &App, device: &str, jwt: &str) -> (Answer, Answer) {
    let asked = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", jwt),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("audience", device),
        ("scope", PUBSUB),
    ];
    (app.generate(device, jwt, json!({"scope": PUBSUB})).await, app.token(&asked).await)
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn attacks(app: &App) -> Vec<(&'static str, String, &'static str)> {
    let claims = json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600});
    let good = signed(&app.key, &claims);
    let [head, body, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let under = |header: Value| format!("{}.{body}.{signature}", part(&header));
    let hs256 =
        |secret: &str| jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
    let with = |aud: &str, iat: i64, exp: i64| signed(&app.key, &json!({"aud": aud, "iat": NOON + iat, "exp": NOON + exp}));
    let twice = format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(r#"{"aud":"p-1","iat":1,"exp":2,"exp":1900000000}"#));
    let forged = format!("{head}.{}.{signature}", part(&json!({"aud": "p-1", "iat": NOON, "exp": NOON + 9000})));
    vec![
        ("alg none", format!("{}.{body}.", part(&json!({"alg": "none"}))), "algorithm `none`"),
        ("alg nOnE", format!("{}.{body}.", part(&json!({"alg": "nOnE"}))), "algorithm `nOnE`"),
        ("HS256 by the public key", hs256(&app.key.public_key_pem()), "algorithm `HS256`"),
        ("RS256 over an ES256 signature", under(json!({"alg": "RS256"})), "no unexpired key"),
        ("no signature", format!("{head}.{body}."), "no unexpired key"),
        ("zeros for a signature", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 64])), "no unexpired key"),
        ("a changed claim", forged, "no unexpired key"),
        ("a claim twice", twice, "duplicate field"),
        ("a key of its own in the header", under(json!({"alg": "ES256", "jwk": {"kty": "EC"}})), "no unexpired key"),
        ("critical extension", under(json!({"alg": "ES256", "crit": ["b64"]})), "critical extensions"),
        ("another project", with("p-2", 0, 60), "audience `p-2` does not match project `p-1`"),
        ("a look-alike project", with("p\u{2010}1", 0, 60), "does not match project `p-1`"),
        ("expired", with("p-1", -7200, -3600), "token expired at 2026-11-20T11:00:00Z, 60 minutes ago"),
        ("from the future", with("p-1", 3600, 7200), "token is issued at 2026-11-20T13:00:00Z, 60 minutes ahead"),
        ("a huge exp", with("p-1", 0, i64::MAX / 4), "token life"),
        ("25 hours", with("p-1", 0, 25 * 3600), "token life of 90000 s"),
        ("two parts", "a.b".into(), "three parts"),
        ("nine kilobytes", "a".repeat(9_000), "9000 bytes exceed the limit of 8192"),
    ]
}

#[tokio::test]
async fn every_attack_is_refused_at_both_doors_with_the_reason_and_the_servers_time() {
    let app = App::new().await;
    for (name, jwt, says) in attacks(&app) {
        let (google, oauth) = both(&app, DEV, &jwt).await;
        let message = google.refused(401, "UNAUTHENTICATED", says);
        assert!(message.contains(SERVER_TIME), "{name}: {message}");
        assert_eq!(google.header("www-authenticate"), "Bearer");
        oauth.oauth(400, "invalid_request", &says.replace('\u{2010}', "?"));
        assert!(oauth.2["error_description"].as_str().unwrap().contains(SERVER_TIME), "{name}");
    }
    assert!(app.issuer.shown.lock().unwrap().is_empty(), "the issuer never heard of any of them");
    let (google, oauth) = both(&app, DEV, &app.good()).await;
    assert_eq!(google.ok(), oauth.ok(), "the unchanged token is good at both");
}

#[tokio::test]
async fn no_bearer_at_all_is_401_with_the_servers_time() {
    let app = App::new().await;
    let uri = format!("/v1beta1/{DEV}:generateAccessToken");
    for headers in [&[][..], &[("authorization", "Basic eDp5")], &[("authorization", "Bearer")]] {
        let answer = app.send("POST", &uri, headers, format!("{{\"scope\":\"{PUBSUB}\"}}")).await;
        assert!(answer.refused(401, "UNAUTHENTICATED", "Bearer").contains(SERVER_TIME));
    }
}

#[tokio::test]
async fn one_devices_token_never_opens_another_device() {
    let app = App::new().await;
    let others = signed(&app.other_key, &json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600}));
    both(&app, OTHER, &others).await.0.ok();
    let by_number = DEV.replace("devices/dev", &format!("devices/{NUM_ID}"));
    for door in [DEV, &by_number] {
        let (google, oauth) = both(&app, door, &others).await;
        google.refused(401, "UNAUTHENTICATED", "unknown device, or no unexpired key");
        oauth.oauth(400, "invalid_request", "unknown device, or no unexpired key");
    }
    both(&app, OTHER, &app.good()).await.0.refused(401, "UNAUTHENTICATED", "unknown device");
    assert_eq!(app.issuer.shown.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn strangers_do_not_learn_which_devices_exist_nor_which_are_blocked() {
    let app = App::new().await;
    app.device(|d| d.blocked = true).await;
    let stranger = App::new().await.good();
    let ghost = DEV.replace("devices/dev", "devices/ghost");
    let elsewhere = DEV.replace("/reg/", "/nowhere/");
    let ((google, oauth), unknown) = (both(&app, DEV, &stranger).await, both(&app, &ghost, &stranger).await);
    for (other_google, other_oauth) in [unknown, both(&app, &elsewhere, &stranger).await] {
        assert_eq!((google.0, &google.2), (other_google.0, &other_google.2));
        assert_eq!((oauth.0, &oauth.2), (other_oauth.0, &other_oauth.2));
    }
    let noted = app.stores.statuses.list("", None, 9).await.unwrap().items;
    assert!(noted.iter().all(|(key, _)| key == DEV), "who does not exist leaves no record");
}

#[tokio::test]
async fn a_switched_off_http_bridge_does_not_close_the_token_service() {
    let app = App::new().await;
    let mut registry = app.stores.registries.get(crate::support::REGISTRY).await.unwrap().unwrap().value;
    (registry.http_enabled, registry.mqtt_enabled) = (false, false);
    app.stores.registries.put(crate::support::REGISTRY, &registry, domain::ports::Expect::Anything).await.unwrap();
    app.ask().await.ok();
}
