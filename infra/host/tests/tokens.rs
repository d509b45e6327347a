//! The token flow on one machine, over HTTP: a device's JWT → a federated token → a service account's, with everything
//! that stands between in one process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use host::StartError;
use host::up::{self, Running};
use rcgen::KeyPair;
use serde_json::{Value, json};
use support::{answer, config, device, exchange, iam, jwt, tokens};

const REGISTRY: &str = "projects/local/locations/europe-west1/registries/reg";
const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";
const FLEET: &str = "fleet@local.iam.gserviceaccount.com";

struct Laptop {
    running: Running,
    at: String,
    http: reqwest::Client,
    key: KeyPair,
    _data: tempfile::TempDir,
}

impl Laptop {
    /// An installation with a registry and a device.
    async fn new(impersonation: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let running = up::start(config(data.path(), tokens(impersonation, iam()))).await.unwrap();
        let at = format!("http://{}", running.addresses.http);
        let laptop = Self { running, at, http: reqwest::Client::new(), key: KeyPair::generate().unwrap(), _data: data };
        laptop.admin(REGISTRY.rsplit_once('/').unwrap().0, json!({"id": "reg"})).await;
        laptop.admin(&format!("{REGISTRY}/devices"), device("dev", &laptop.key)).await;
        laptop
    }

    async fn admin(&self, path: &str, body: Value) {
        let (status, body) = self.post(&format!("/v1/{path}"), "admin", body).await;
        assert_eq!(status, 200, "{body}");
    }

    async fn post(&self, path: &str, bearer: &str, body: Value) -> (u16, Value) {
        answer(self.http.post(format!("{}{path}", self.at)).bearer_auth(bearer).json(&body)).await
    }

    async fn get(&self, path: &str) -> Value {
        answer(self.http.get(format!("{}{path}", self.at))).await.1
    }

    async fn token(&self, body: Value) -> (u16, Value) {
        self.post(&format!("/v1beta1/{REGISTRY}/devices/dev:generateAccessToken"), &jwt(&self.key), body).await
    }

    async fn opens(&self, token: &Value) -> Value {
        self.get(&format!("/tokeninfo?access_token={}", token.as_str().unwrap())).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_gets_a_token_that_the_stand_in_knows() {
    let laptop = Laptop::new("").await;
    assert_eq!(laptop.running.addresses.issuer, laptop.at);
    let discovery = laptop.get("/.well-known/openid-configuration").await;
    assert_eq!((&discovery["issuer"], &discovery["jwks_uri"]), (&json!(laptop.at), &json!(format!("{}/jwks", laptop.at))));
    let (status, granted) = laptop.token(json!({"scope": PUBSUB})).await;
    assert_eq!((status, &granted["token_type"]), (200, &json!("Bearer")), "{granted}");
    let info = laptop.opens(&granted["access_token"]).await;
    let subject = info["sub"].as_str().unwrap();
    assert!(subject.starts_with("principal://iam.googleapis.com/projects/0/") && info["scope"] == PUBSUB, "{info}");
    let body = exchange(&format!("{REGISTRY}/devices/dev"), &jwt(&laptop.key), PUBSUB);
    let request = laptop.http.post(format!("{}/token", laptop.at)).header("content-type", "application/x-www-form-urlencoded");
    let (status, again) = answer(request.body(body)).await;
    assert_eq!((status, &again["access_token"]), (200, &granted["access_token"]), "one token for both doors");
    laptop.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_acts_as_the_service_account_of_its_registry_in_one_step_or_two() {
    let laptop = Laptop::new(&format!("{REGISTRY}={FLEET}")).await;
    let (status, granted) = laptop.token(json!({"scope": PUBSUB, "serviceAccount": FLEET})).await;
    assert_eq!(status, 200, "{granted}");
    assert_eq!(laptop.opens(&granted["access_token"]).await["email"], FLEET);
    // As accesstoken.py does it: a device token first, then IAM Credentials by the device's own hand.
    let (_, device) = laptop.token(json!({"scope": CLOUD})).await;
    let path = |account: &str| format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
    let (status, own) = laptop.post(&path(FLEET), device["access_token"].as_str().unwrap(), json!({"scope": [CLOUD]})).await;
    assert_eq!(status, 200, "{own}");
    assert_eq!(laptop.opens(&own["accessToken"]).await["email"], FLEET);
    let other = "other@local.iam.gserviceaccount.com";
    let (status, _) = laptop.post(&path(other), device["access_token"].as_str().unwrap(), json!({"scope": [CLOUD]})).await;
    assert_eq!(status, 403);
    let (status, refused) = laptop.token(json!({"scope": PUBSUB, "serviceAccount": other})).await;
    assert_eq!((status, &refused["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    laptop.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_device_gets_no_token_from_the_next_request_on() {
    let laptop = Laptop::new("").await;
    assert_eq!(laptop.token(json!({"scope": PUBSUB})).await.0, 200);
    let url = format!("{}/v1/{REGISTRY}/devices/dev?updateMask=blocked", laptop.at);
    let (status, body) = answer(laptop.http.patch(url).bearer_auth("admin").json(&json!({"blocked": true}))).await;
    assert_eq!(status, 200, "{body}");
    let (status, refused) = laptop.token(json!({"scope": PUBSUB})).await;
    assert_eq!((status, &refused["error"]["message"]), (403, &json!("the device is blocked")));
    laptop.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn google_needs_an_issuer_that_it_can_reach_safely() {
    let data = tempfile::tempdir().unwrap();
    let provider = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/d";
    let mut tokens = tokens("", iam());
    tokens.giver = provider.parse().unwrap();
    let refused = up::start(config(data.path(), tokens.clone())).await.err().unwrap();
    assert!(matches!(refused, StartError::Tokens(_)) && refused.to_string().contains("set --issuer"), "{refused}");
    tokens.issuer = Some("https://tokens.example.com".parse().unwrap());
    let running = up::start(config(data.path(), tokens)).await.unwrap();
    assert_eq!(running.addresses.issuer, "https://tokens.example.com");
    let at = format!("http://{}/v1/token", running.addresses.http);
    assert_eq!(reqwest::Client::new().post(at).send().await.unwrap().status().as_u16(), 404, "no stand-in beside the real one");
    running.shut_down().await;
}
