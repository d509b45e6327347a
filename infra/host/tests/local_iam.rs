//! Who may do what on one machine, in a whole installation over HTTP: Pub/Sub, Cloud Storage and the registry's API under one
//! IAM policy.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use host::local_stack::LocalIam;
use host::up::{self, Running};
use rcgen::KeyPair;
use serde_json::{Value, json};
use support::{answer, config, iam, jwt, tokens};

const LOCATION: &str = "projects/local/locations/europe-west1";
const DEVICES: &str = "principalSet://iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge/*";
const OPERATOR: &str = "operator@local.iam.gserviceaccount.com";
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";
const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";

/// An installation with the device `dev`.
struct Town {
    running: Running,
    at: String,
    http: reqwest::Client,
    key: KeyPair,
    _data: tempfile::TempDir,
}

impl Town {
    /// Under the policy of a laptop, or this one.
    async fn new(policy: Option<Value>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let file = policy.map(|policy| {
            let file = data.path().join("policy.json");
            std::fs::write(&file, policy.to_string()).unwrap();
            file
        });
        let local = LocalIam { policy: file, ..iam() };
        let running = up::start(config(data.path(), tokens("", local))).await.unwrap();
        let at = format!("http://{}", running.addresses.http);
        let town = Self { running, at, http: reqwest::Client::new(), key: KeyPair::generate().unwrap(), _data: data };
        assert_eq!(town.call("POST", &format!("/v1/{LOCATION}/registries"), "admin", json!({"id": "reg"})).await.0, 200);
        let device = support::device("dev", &town.key);
        assert_eq!(town.call("POST", &format!("/v1/{LOCATION}/registries/reg/devices"), "admin", device).await.0, 200);
        town
    }

    async fn call(&self, method: &str, path: &str, bearer: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.at)).bearer_auth(bearer).json(&body);
        answer(request).await
    }

    async fn ask_for_a_token(&self, scope: &str) -> (u16, Value) {
        let path = format!("/v1beta1/{LOCATION}/registries/reg/devices/dev:generateAccessToken");
        self.call("POST", &path, &jwt(&self.key), json!({"scope": scope})).await
    }

    async fn token(&self, scope: &str) -> String {
        let (status, body) = self.ask_for_a_token(scope).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    async fn act_as(&self, account: &str) -> (u16, String) {
        let path = format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
        let (status, body) = self.call("POST", &path, &self.token(CLOUD).await, json!({"scope": [CLOUD]})).await;
        (status, body["accessToken"].as_str().unwrap_or_default().to_owned())
    }

    async fn publish(&self, token: &str) -> u16 {
        let body = json!({"messages": [{"data": "YQ=="}]});
        self.call("POST", "/v1/projects/local/topics/events:publish", token, body).await.0
    }

    async fn command(&self, token: &str) -> (u16, Value) {
        let path = format!("/v1/{LOCATION}/registries/reg/devices/dev:sendCommandToDevice");
        self.call("POST", &path, token, json!({"binaryData": "YQ=="})).await
    }
}

fn reason(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["details"][0]["reason"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_laptop_devices_do_what_googles_sample_did_and_no_more() {
    let town = Town::new(None).await;
    let device = town.token(CLOUD).await;
    assert_eq!(town.publish(&device).await, 200);
    let upload = "/upload/storage/v1/b/my-bucket/o?uploadType=media&name=testFile.ext";
    assert_eq!(town.call("POST", upload, &device, json!("bytes")).await.0, 200);
    assert_eq!(town.call("GET", "/storage/v1/b/my-bucket/o/testFile.ext?alt=media", &device, json!(null)).await, (200, json!("bytes")));
    let (status, operator) = town.act_as(OPERATOR).await;
    assert_eq!(status, 200);
    let sent = town.command(&operator).await;
    assert!(sent.1["error"]["message"].as_str().unwrap().contains("is not subscribed to the commands topic"), "{sent:?}");
    assert_eq!(reason(&town.command(&device).await), (403, "IAM_PERMISSION_DENIED"), "the device itself may not");
    assert_eq!(town.act_as("other@local.iam.gserviceaccount.com").await.0, 403);
    assert_eq!(town.publish(&operator).await, 403, "the account may not do what the device may");
    let registries = format!("/v1/{LOCATION}/registries");
    assert_eq!(reason(&town.call("POST", &registries, &operator, json!({"id": "more"})).await), (403, "IAM_PERMISSION_DENIED"));
    assert_eq!(town.call("GET", &registries, &operator, json!(null)).await.0, 200);
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_takes_the_place_of_the_laptops() {
    let binding = |role: &str| json!({"role": role, "members": [DEVICES]});
    let town = Town::new(Some(json!({"bindings": [binding("roles/cloudiot.viewer")]}))).await;
    let device = format!("/v1/{LOCATION}/registries/reg/devices/dev");
    let token = town.token(CLOUD).await;
    assert_eq!(town.call("GET", &device, &token, json!(null)).await.1["id"], "dev");
    let patched = town.call("PATCH", &format!("{device}?updateMask=blocked"), &token, json!({"blocked": true})).await;
    assert_eq!(reason(&patched), (403, "IAM_PERMISSION_DENIED"));
    assert_eq!(patched.1["error"]["details"][0]["metadata"]["permission"], "cloudiot.devices.update");
    assert_eq!((town.publish(&token).await, town.act_as(OPERATOR).await.0), (403, 403));
    let narrow = town.token(PUBSUB).await;
    assert_eq!(reason(&town.call("GET", &device, &narrow, json!(null)).await), (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"));
    assert_eq!(town.call("GET", &device, "nobody", json!(null)).await.0, 401);
    assert_eq!(town.call("GET", &device, "admin", json!(null)).await.0, 200, "the admin token goes on to open everything");
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_not_understood_stops_the_start() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("policy.json");
    for (text, says) in [
        ("{\"bindings\": [{\"role\": \"roles/owner\", \"members\": [\"serviceAccount:a@b.c\"]}]}", "`roles/owner`"),
        ("[", "neither a policy"),
    ] {
        std::fs::write(&file, text).unwrap();
        let local = LocalIam { policy: Some(file.clone()), ..iam() };
        let refused = up::start(config(data.path(), tokens("", local))).await.err().unwrap().to_string();
        assert!(refused.starts_with("--iam-policy /") && refused.contains(says), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_the_token_services_are_for_administrators_to_ask_for() {
    let town = Town::new(None).await;
    let faults = "/v1/tokenServiceFaults";
    let wish = json!({"fault": "refuse"});
    assert_eq!(town.call("POST", faults, "nobody", wish.clone()).await.0, 401);
    let (_, operator) = town.act_as(OPERATOR).await;
    assert_eq!(town.call("POST", faults, &operator, wish.clone()).await.0, 403);
    assert_eq!(town.call("POST", faults, "admin", wish).await.1["waiting"], 1);
    let refused = town.ask_for_a_token("https://www.googleapis.com/auth/devstorage.read_only").await;
    assert_eq!((refused.0, refused.1["error"]["status"].as_str()), (403, Some("PERMISSION_DENIED")), "{refused:?}");
    assert_eq!(town.ask_for_a_token("https://www.googleapis.com/auth/devstorage.read_only").await.0, 200, "once and no more");
    town.running.shut_down().await;
}
