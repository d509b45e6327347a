//! What `setIamPolicy` of a registry, and of a group of it, opens to service accounts that prove themselves here.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use host::local_stack::LocalIam;
use host::up::{self, Running};
use rcgen::KeyPair;
use serde_json::{Value, json};
use support::{answer, config, iam, jwt, tokens};

const LOCATION: &str = "/v1/projects/local/locations/europe-west1";
const DEVICES: &str = "principalSet://iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge/*";
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";
const ANN: &str = "ann@local.iam.gserviceaccount.com";
const BOB: &str = "bob@local.iam.gserviceaccount.com";

/// An installation whose own policy gives nobody a role of Cloud IoT: `dev` may act as two accounts, and no more. Registries
/// `reg` and `other` have a device `dev` each, and `reg` two gateways, of which `gw1` speaks for it.
struct Town {
    running: Running,
    at: String,
    http: reqwest::Client,
    key: KeyPair,
    _data: tempfile::TempDir,
}

impl Town {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("policy.json");
        let may_act_as = |account: &str| {
            let resource = format!("//iam.googleapis.com/projects/-/serviceAccounts/{account}");
            json!({"resource": resource, "policy": {"bindings": [{"role": "roles/iam.workloadIdentityUser", "members": [DEVICES]}]}})
        };
        std::fs::write(&file, json!([may_act_as(ANN), may_act_as(BOB)]).to_string()).unwrap();
        let local = LocalIam { policy: Some(file), ..iam() };
        let running = up::start(config(data.path(), tokens("", local))).await.unwrap();
        let at = format!("http://{}", running.addresses.http);
        let town = Self { running, at, http: reqwest::Client::new(), key: KeyPair::generate().unwrap(), _data: data };
        for registry in ["reg", "other"] {
            town.admin("POST", "/registries", json!({"id": registry})).await;
            town.admin("POST", &format!("/registries/{registry}/devices"), support::device("dev", &town.key)).await;
        }
        for gateway in ["gw1", "gw2"] {
            let body = json!({"id": gateway, "gatewayConfig": {"gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_ONLY"}});
            town.admin("POST", "/registries/reg/devices", body).await;
        }
        town.admin("POST", "/registries/reg:bindDeviceToGateway", json!({"gatewayId": "gw1", "deviceId": "dev"})).await;
        town
    }

    async fn call(&self, method: &str, path: &str, bearer: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.at)).bearer_auth(bearer).json(&body);
        answer(request).await
    }

    /// A call below the location, that goes well.
    async fn admin(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, body) = self.call(method, &format!("{LOCATION}{path}"), "admin", body).await;
        assert_eq!(status, 200, "{method} {path}: {body}");
        body
    }

    /// Sets the policy of `of`, which is below the location.
    async fn grant(&self, of: &str, role: &str, member: &str) {
        let policy = json!({"policy": {"bindings": [{"role": role, "members": [member]}]}});
        self.admin("POST", &format!("{of}:setIamPolicy"), policy).await;
    }

    /// An access token of this account.
    async fn token(&self, account: &str) -> String {
        let ask = format!("/v1beta1{}/registries/reg/devices/dev:generateAccessToken", &LOCATION[3..]);
        let (status, body) = self.call("POST", &ask, &jwt(&self.key), json!({"scope": CLOUD})).await;
        assert_eq!(status, 200, "{body}");
        let act = format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
        let (status, body) = self.call("POST", &act, body["access_token"].as_str().unwrap(), json!({"scope": [CLOUD]})).await;
        assert_eq!(status, 200, "{body}");
        body["accessToken"].as_str().unwrap().to_owned()
    }

    /// The status of a call below the location, and the permission that it lacks.
    async fn tries(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, String) {
        let (status, body) = self.call(method, &format!("{LOCATION}{path}"), token, body).await;
        (status, body["error"]["details"][0]["metadata"]["permission"].as_str().unwrap_or_default().to_owned())
    }

    async fn reads(&self, token: &str, path: &str) -> u16 {
        self.tries(token, "GET", path, json!(null)).await.0
    }
}

fn denied(permission: &str) -> (u16, String) {
    (403, format!("cloudiot.{permission}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_of_one_registry_reads_there_and_does_no_more_there_or_elsewhere() {
    let town = Town::new().await;
    let ann = town.token(ANN).await;
    assert_eq!(town.tries(&ann, "GET", "/registries/reg/devices", json!(null)).await, denied("devices.list"));
    town.grant("/registries/reg", "roles/cloudiot.viewer", &format!("serviceAccount:{ANN}")).await;
    let command = json!({"binaryData": "YQ=="});
    for below in ["", "/devices", "/devices/dev", "/devices/dev/states", "/devices/dev/commands", "/groups/gw1/devices/dev"] {
        assert_eq!(town.reads(&ann, &format!("/registries/reg{below}")).await, 200, "{below}");
        assert_eq!(town.reads(&ann, &format!("/registries/other{below}")).await, 403, "{below}");
    }
    for (method, path, body, permission) in [
        ("POST", "/registries/reg/devices/dev:sendCommandToDevice", command.clone(), "devices.sendCommand"),
        ("POST", "/registries/reg/groups/gw1/devices/dev:sendCommandToDevice", command, "devices.sendCommand"),
        ("PATCH", "/registries/reg?updateMask=logLevel", json!({}), "registries.update"),
        ("POST", "/registries/reg:setIamPolicy", json!({"policy": {}}), "registries.setIamPolicy"),
        ("POST", "/registries/reg:getIamPolicy", json!({}), "registries.getIamPolicy"),
        ("GET", "/registries", json!(null), "registries.list"),
    ] {
        assert_eq!(town.tries(&ann, method, path, body).await, denied(permission), "{method} {path}");
    }
    let bob = town.token(BOB).await;
    assert_eq!(town.reads(&bob, "/registries/reg/devices").await, 403, "another account");
    town.admin("POST", "/registries/reg:setIamPolicy", json!({"policy": {}})).await;
    assert_eq!(town.reads(&ann, "/registries/reg/devices").await, 403, "what is taken away counts no more at once");
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_told_what_they_may() {
    let town = Town::new().await;
    let (ann, all) = (town.token(ANN).await, domain::iam::permissions().collect::<Vec<_>>());
    let test = async |token: &str, of: &str| {
        let path = format!("{LOCATION}/registries/{of}:testIamPermissions");
        town.call("POST", &path, token, json!({ "permissions": all })).await
    };
    assert_eq!(test(&ann, "reg").await, (200, json!({})));
    town.grant("/registries/reg", "roles/cloudiot.deviceController", &format!("serviceAccount:{ANN}")).await;
    let controller = ["devices.get", "devices.list", "registries.get", "registries.list", "devices.sendCommand", "devices.updateConfig"];
    let controller = json!({"permissions": controller.map(|permission| format!("cloudiot.{permission}"))});
    for (of, expected) in [("reg", &controller), ("reg/groups/gw1", &controller), ("other", &json!({})), ("none", &json!({}))] {
        assert_eq!(test(&ann, of).await, (200, expected.clone()), "{of}");
    }
    assert_eq!(test("admin", "reg").await, (200, json!({ "permissions": all })));
    assert_eq!(test("nobody", "reg").await.0, 401);
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_of_one_registry_grants_there_and_nowhere_else() {
    let town = Town::new().await;
    let (ann, bob) = (town.token(ANN).await, town.token(BOB).await);
    town.grant("/registries/reg", "roles/cloudiot.admin", &format!("serviceAccount:{ANN}")).await;
    let policy = |member: &str| json!({"policy": {"bindings": [{"role": "roles/cloudiot.viewer", "members": [member]}]}});
    let everyone = policy("allAuthenticatedUsers");
    let elsewhere = town.tries(&ann, "POST", "/registries/other:setIamPolicy", everyone.clone()).await;
    assert_eq!(elsewhere, denied("registries.setIamPolicy"));
    assert_eq!(town.tries(&ann, "POST", "/tokenServiceFaults", json!({})).await.0, 404);
    assert_eq!(town.call("POST", "/v1/tokenServiceFaults", &ann, json!({"fault": "refuse"})).await.0, 403, "the whole is not a registry");
    assert_eq!(town.tries(&ann, "POST", "/registries/reg:setIamPolicy", everyone).await.0, 200);
    assert_eq!(town.reads(&bob, "/registries/reg/devices").await, 200, "every service account may read now");
    assert_eq!(town.reads(&ann, "/registries/reg/devices").await, 200);
    let again = town.tries(&ann, "POST", "/registries/reg:setIamPolicy", json!({"policy": {}})).await;
    assert_eq!(again, denied("registries.setIamPolicy"), "its own role went with the policy that it replaced");
    for person in ["user:ann@example.com", "group:ops@example.com"] {
        town.admin("POST", "/registries/reg:setIamPolicy", policy(person)).await;
        assert_eq!(town.reads(&bob, "/registries/reg/devices").await, 403, "{person} is nobody here");
    }
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_on_a_group_reaches_its_devices_through_the_group_alone() {
    let town = Town::new().await;
    let ann = town.token(ANN).await;
    town.grant("/registries/reg/groups/gw1", "roles/cloudiot.provisioner", &format!("serviceAccount:{ANN}")).await;
    let number = town.admin("GET", "/registries/reg/devices/gw1", json!(null)).await["numId"].as_str().unwrap().to_owned();
    for group in ["gw1", number.as_str()] {
        assert_eq!(town.reads(&ann, &format!("/registries/reg/groups/{group}/devices")).await, 200);
        assert_eq!(town.reads(&ann, &format!("/registries/reg/groups/{group}/devices/dev")).await, 200);
    }
    for path in ["/registries/reg", "/registries/reg/devices", "/registries/reg/devices/dev", "/registries/reg/groups/gw2/devices"] {
        assert_eq!(town.reads(&ann, path).await, 403, "{path}");
    }
    let bind = json!({"gatewayId": "gw1", "deviceId": "gw2"});
    let bound = town.tries(&ann, "POST", "/registries/reg/groups/gw1:bindDeviceToGateway", bind).await;
    assert_eq!(bound, denied("devices.bindGateway"), "or a group could draw in any device of the registry");
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_may_be_a_member_and_an_escaped_name_is_the_name() {
    let town = Town::new().await;
    let ask = format!("/v1beta1{}/registries/reg/devices/dev:generateAccessToken", &LOCATION[3..]);
    let (_, body) = town.call("POST", &ask, &jwt(&town.key), json!({"scope": CLOUD})).await;
    let device = body["access_token"].as_str().unwrap();
    assert_eq!(town.reads(device, "/registries/reg/devices").await, 403);
    // A registry whose id reads as `other` once it is decoded.
    town.admin("POST", "/registries", json!({"id": "oth%65r"})).await;
    town.grant("/registries/oth%2565r", "roles/cloudiot.viewer", DEVICES).await;
    assert_eq!(town.reads(device, "/registries/oth%2565r/devices").await, 200);
    assert_eq!(town.reads(device, "/registries/oth%65r/devices").await, 403);
    assert_eq!(town.reads(device, "/registries/other/devices").await, 403);
    town.running.shut_down().await;
}
