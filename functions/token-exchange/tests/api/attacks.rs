//! Attacks on the device JWT at both doors, line by line; what strangers learn; one device's token at another's door.

use serde_json::{Value, json};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};

use crate::support::{Answer, App, DEV, NOON, NUM_ID, OTHER, PUBSUB, percent, signed};

const SERVER_TIME: &str = "2026-11-20T12:00:00Z";

async fn at_token(app: &App, device: &str, jwt: &str) -> Answer {
    let asked = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", jwt),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("audience", device),
        ("scope", PUBSUB),
    ];
    app.token(&asked).await
}

/// The same token at `generateAccessToken` and at `/token`.
async fn both(app: &App, device: &str, jwt: &str) -> (Answer, Answer) {
    (app.generate(device, jwt, json!({"scope": PUBSUB})).await, at_token(app, device, jwt).await)
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

/// Headers that would lead a careless reader to a key of the sender's choice.
fn injections(app: &App) -> Vec<(&'static str, String, &'static str)> {
    let stranger = rcgen::KeyPair::generate().unwrap();
    let body = part(&json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600}));
    let point = stranger.public_key_raw();
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..])});
    // Really signed by the key that the header offers.
    let signed_by_stranger = |header: Value| {
        let signed = format!("{}.{body}", part(&header));
        let key = EncodingKey::from_ec_pem(stranger.serialize_pem().as_bytes()).unwrap();
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::ES256).unwrap();
        format!("{signed}.{signature}")
    };
    let empty_secret = Header { kid: Some("/dev/null".into()), ..Header::new(Algorithm::HS256) };
    let claims = json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600});
    let certificate = rcgen::CertificateParams::default().self_signed(&stranger).unwrap();
    let x5c = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    let no_key = "no unexpired key";
    vec![
        ("a good jwk of its own", signed_by_stranger(json!({"alg": "ES256", "jwk": jwk})), no_key),
        ("jku", signed_by_stranger(json!({"alg": "ES256", "jku": "http://127.0.0.1:1/jwks", "kid": "1"})), no_key),
        ("x5u", signed_by_stranger(json!({"alg": "ES256", "x5u": "http://127.0.0.1:1/cert.pem"})), no_key),
        ("x5c", signed_by_stranger(json!({"alg": "ES256", "x5c": [x5c]})), no_key),
        ("kid as a path", signed_by_stranger(json!({"alg": "ES256", "kid": "../../../dev/null"})), no_key),
        ("kid as SQL", signed_by_stranger(json!({"alg": "ES256", "kid": "x' UNION SELECT 'key"})), no_key),
        ("kid as another device", signed_by_stranger(json!({"alg": "ES256", "kid": OTHER})), no_key),
        ("kid and an empty secret", jsonwebtoken::encode(&empty_secret, &claims, &EncodingKey::from_secret(b"")).unwrap(), "`HS256`"),
        ("alg twice", format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","alg":"none"}"#)), "duplicate field"),
        ("alg as a list", format!("{}.{body}.", part(&json!({"alg": ["ES256"]}))), "expected a string"),
        ("a good key under PS256", format!("{}.{body}.AAAA", part(&json!({"alg": "PS256"}))), "`PS256`"),
        ("a header with one changed letter", signed(&app.key, &claims).replacen("eyJ", "eyK", 1), "header"),
    ]
}

/// Claims that are nearly right, each really signed by the device's own key.
fn claims(app: &App) -> Vec<(&'static str, String, &'static str)> {
    let with = |change: Value| {
        let mut claims = json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600});
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        signed(&app.key, &claims)
    };
    let text = |json: &str| {
        let signed = format!("{}.{}", part(&json!({"alg": "ES256"})), URL_SAFE_NO_PAD.encode(json));
        let key = EncodingKey::from_ec_pem(app.key.serialize_pem().as_bytes()).unwrap();
        format!("{signed}.{}", jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::ES256).unwrap())
    };
    vec![
        ("aud as a list", with(json!({"aud": ["p-1"]})), "expected a string"),
        ("aud as a number", with(json!({"aud": 1})), "expected a string"),
        ("aud as null", with(json!({"aud": null})), "expected a string"),
        ("no aud", text(&format!(r#"{{"iat":{NOON},"exp":{}}}"#, NOON + 600)), "missing field `aud`"),
        ("aud with a space", with(json!({"aud": "p-1 "})), "does not match project"),
        ("aud in capitals", with(json!({"aud": "P-1"})), "does not match project"),
        ("aud as a resource", with(json!({"aud": "projects/p-1"})), "does not match project"),
        ("aud as a URL", with(json!({"aud": "https://cloudiot.googleapis.com/"})), "does not match project"),
        ("aud that is longer", with(json!({"aud": "p-11"})), "does not match project"),
        ("aud with a NUL", with(json!({"aud": "p-1\u{0}"})), "does not match project"),
        ("aud with a raw NUL", text("{\"aud\":\"p-1\0\",\"iat\":1,\"exp\":2}"), "control character"),
        ("exp as a huge float", text(r#"{"aud":"p-1","iat":1,"exp":1e300}"#), "invalid value"),
        ("exp beyond i64", text(r#"{"aud":"p-1","iat":1,"exp":18446744073709551615}"#), "invalid value"),
        ("exp beyond any float", text(r#"{"aud":"p-1","iat":1,"exp":1e999}"#), "number out of range"),
        ("exp as true", with(json!({"exp": true})), "expected seconds since the epoch"),
        ("exp as a word", with(json!({"exp": "never"})), "expected seconds since the epoch"),
        ("the largest exp", with(json!({"exp": i64::MAX})), "token life"),
        ("the smallest iat", with(json!({"iat": i64::MIN})), "token life"),
        ("no exp", text(&format!(r#"{{"aud":"p-1","iat":{NOON}}}"#)), "missing field `exp`"),
        ("no iat", text(&format!(r#"{{"aud":"p-1","exp":{NOON}}}"#)), "missing field `iat`"),
        ("exp before iat", with(json!({"exp": NOON - 1})), "token life of -1 s"),
        ("aud twice", text(&format!(r#"{{"aud":"p-2","aud":"p-1","iat":{NOON},"exp":{}}}"#, NOON + 9)), "duplicate field `aud`"),
        ("exp twice, escaped", text(&format!(r#"{{"aud":"p-1","iat":{NOON},"exp":1,"e\u0078p":{}}}"#, NOON + 9)), "duplicate field `exp`"),
        ("something after the claims", text(&format!(r#"{{"aud":"p-1","iat":{NOON},"exp":{}}} {{}}"#, NOON + 9)), "trailing characters"),
        ("claims that are a list", text("[]"), "claims: "),
        ("deeply nested claims", text(&format!(r#"{{"x":{}1{},"aud":"p-1"}}"#, "[".repeat(500), "]".repeat(500))), "missing field `iat`"),
    ]
}

#[tokio::test]
async fn what_devices_in_the_field_send_is_not_taken_for_an_attack() {
    let app = App::new().await;
    let now = NOON as f64;
    for (name, claims) in [
        ("floats", json!({"aud": "p-1", "iat": now + 0.123, "exp": now + 600.9})),
        ("decimal strings", json!({"aud": "p-1", "iat": NOON.to_string(), "exp": (NOON + 600).to_string()})),
        ("nbf, which is ignored", json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600, "nbf": NOON + 500})),
        ("a clock that is nine minutes fast", json!({"aud": "p-1", "iat": NOON + 540, "exp": NOON + 600})),
        ("claims that we do not read", json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600, "sub": "x", "jti": [1]})),
    ] {
        let (google, oauth) = both(&app, DEV, &signed(&app.key, &claims)).await;
        assert_eq!((google.status, oauth.status), (200, 200), "{name}: {google:?}");
    }
}

#[tokio::test]
async fn a_megabyte_is_refused_before_it_is_read() {
    let app = App::new().await;
    let megabyte = "a".repeat(1 << 20);
    let (google, oauth) = both(&app, DEV, &megabyte).await;
    google.refused(401, "UNAUTHENTICATED", "1048576 bytes exceed the limit of 8192");
    oauth.oauth(400, "invalid_request", "limit of 65536 bytes");
}

#[tokio::test]
async fn names_that_look_like_a_device_are_none() {
    let app = App::new().await;
    let jwt = app.good();
    for id in [
        "d\u{e9}v",
        "d\u{435}v",
        "dev\u{200b}",
        "\u{ff44}\u{ff45}\u{ff56}",
        "de\u{301}v",
        "dev\0",
        "dev ",
        "dev\n",
        "../reg/devices/dev",
        "dev/..",
        "goog-x",
        "d",
    ] {
        let device = DEV.replace("devices/dev", &format!("devices/{id}"));
        let uri = format!("/v1beta1/{}:generateAccessToken", DEV.replace("devices/dev", &format!("devices/{}", percent(id))));
        let google = app.send("POST", &uri, &[("authorization", &format!("Bearer {jwt}"))], format!("{{\"scope\":\"{PUBSUB}\"}}")).await;
        google.refused(400, "INVALID_ARGUMENT", "device id");
        at_token(&app, &device, &jwt).await.oauth(400, "invalid_target", "");
    }
    assert!(app.issuer.shown.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_attack_is_refused_at_both_doors_with_the_reason_and_the_servers_time() {
    let app = App::new().await;
    for (name, jwt, says) in attacks(&app).into_iter().chain(injections(&app)).chain(claims(&app)) {
        let (google, oauth) = both(&app, DEV, &jwt).await;
        let message = google.refused(401, "UNAUTHENTICATED", says);
        assert!(message.contains(SERVER_TIME), "{name}: {message}");
        assert_eq!(google.header("www-authenticate"), "Bearer");
        oauth.oauth(400, "invalid_request", says);
        assert!(oauth.body["error_description"].as_str().unwrap().contains(SERVER_TIME), "{name}");
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
        assert_eq!((google.status, &google.body), (other_google.status, &other_google.body));
        assert_eq!((oauth.status, &oauth.body), (other_oauth.status, &other_oauth.body));
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
