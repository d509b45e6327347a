//! Every route that takes a device's name, in a whole installation over HTTP: another device's token opens none of them, and a
//! device that is blocked is out of all of them with the next request, far below the 60 seconds that are promised.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use host::up::{self, Running};
use rcgen::KeyPair;
use serde_json::{Value, json};
use support::{config, device, exchange, iam, jwt, tokens};

const PUBSUB: &str = "https://www.googleapis.com/auth/pubsub";
const REGISTRY: &str = "projects/local/locations/europe-west1/registries/reg";

/// Every `.route(…)` under `functions/*/src/http*`, as written there. One that is missing here fails
/// [`every_route_of_the_functions_is_listed_here`]; one that takes a device's token must have a row in [`requests`] too.
const DEVICE_ROUTES: [(&str, &str); 7] = [
    ("pubsub-fanout", r#"&format!("{device}/~publishEvent")"#),
    ("pubsub-fanout", r#"&format!("{device}/~publishEvents")"#),
    ("pubsub-fanout", r#"&format!("{device}/~setState")"#),
    ("pubsub-fanout", r#"&format!("{device}/config")"#),
    ("storage-download", "PATH"),
    ("token-exchange", r#"&format!("{device}/~generateAccessToken")"#),
    ("token-exchange", r#"&format!("{placeless}/~generateAccessToken")"#),
];
/// Those of administrators that name a device: no device's token opens them.
const ADMIN_ROUTES: [(&str, &str); 8] = [
    ("command-relay", r#"&format!("{device}/commands")"#),
    ("command-relay", r#"&format!("{device}/commands/{{command}}")"#),
    ("command-relay", r#"&format!("{device}/~modifyCloudToDeviceConfig")"#),
    ("command-relay", r#"&format!("{device}/~sendCommandToDevice")"#),
    ("device-registry", "&device"),
    ("device-registry", r#"&format!("{device}/configVersions")"#),
    ("device-registry", r#"&format!("{device}/states")"#),
    ("device-registry", r#"&format!("{registry}/devices/{{device}}")"#),
];
/// Those without a device in the path. `/token` names one in its form and stands in [`requests`].
const OTHER_ROUTES: [(&str, &str); 18] = [
    ("command-relay", "&broadcast"),
    ("command-relay", r#"&format!("{REGISTRY}/broadcasts")"#),
    ("command-relay", r#"&format!("{REGISTRY}/~broadcastCommand")"#),
    ("command-relay", r#"&format!("{broadcast}/~advance")"#),
    ("command-relay", r#"&format!("{broadcast}/~cancel")"#),
    ("device-registry", "&registry"),
    ("device-registry", r#"&format!("{registry}/devices")"#),
    ("device-registry", r#"&format!("{parent}/devices")"#),
    ("device-registry", r#"&format!("{parent}/~bindDeviceToGateway")"#),
    ("device-registry", r#"&format!("{parent}/~unbindDeviceFromGateway")"#),
    ("device-registry", r#"&format!("{parent}/~getIamPolicy")"#),
    ("device-registry", r#"&format!("{parent}/~setIamPolicy")"#),
    ("device-registry", r#"&format!("{registry}/~testIamPermissions")"#),
    ("device-registry", r#"&format!("{group}/~testIamPermissions")"#),
    ("device-registry", "REGISTRIES"),
    ("token-exchange", r#""/.well-known/openid-configuration""#),
    ("token-exchange", r#""/jwks""#),
    ("token-exchange", r#""/token""#),
];

/// What a device may ask, of the device called `id`.
fn requests(id: &str) -> Vec<(&'static str, String, Value)> {
    let device = format!("{REGISTRY}/devices/{id}");
    let placeless = format!("projects/local/registries/reg/devices/{id}");
    let scope = json!({"scope": PUBSUB});
    let mut all = vec![
        ("GET", format!("/v1/{device}/objects/files/{id}/x"), Value::Null),
        ("HEAD", format!("/v1/{device}/objects/files/{id}/x"), Value::Null),
        ("PUT", format!("/v1/{device}/objects/files/{id}/x"), Value::Null),
        ("POST", format!("/token?{device}"), Value::Null),
    ];
    for version in ["v1beta1", "v1alpha1"] {
        all.push(("POST", format!("/{version}/{device}:generateAccessToken"), scope.clone()));
        all.push(("POST", format!("/{version}/{placeless}:generateAccessToken"), scope.clone()));
    }
    for version in ["v1", "v1beta1"] {
        all.push(("POST", format!("/{version}/{device}:publishEvent"), json!({"binaryData": "AA=="})));
        all.push(("POST", format!("/{version}/{device}:publishEvents"), json!({"events": [{"binaryData": "AA=="}]})));
        all.push(("POST", format!("/{version}/{device}:setState"), json!({"state": {"binaryData": "AA=="}})));
        all.push(("GET", format!("/{version}/{device}/config"), Value::Null));
    }
    all
}

/// What only administrators may ask, of the device called `id`, in its registry and in a group.
fn admin_requests(id: &str) -> Vec<(&'static str, String, Value)> {
    let device = format!("/v1/{REGISTRY}/devices/{id}");
    let mut all = vec![
        ("DELETE", device.clone(), Value::Null),
        ("GET", format!("{device}/commands"), Value::Null),
        ("GET", format!("{device}/commands/1"), Value::Null),
    ];
    for device in [device, format!("/v1/{REGISTRY}/groups/gw/devices/{id}")] {
        all.push(("GET", device.clone(), Value::Null));
        all.push(("PATCH", format!("{device}?updateMask=blocked"), json!({"blocked": false})));
        all.push(("GET", format!("{device}/configVersions"), Value::Null));
        all.push(("GET", format!("{device}/states"), Value::Null));
        all.push(("POST", format!("{device}:modifyCloudToDeviceConfig"), json!({"binaryData": "AA=="})));
        all.push(("POST", format!("{device}:sendCommandToDevice"), json!({"binaryData": "AA=="})));
    }
    all
}

/// An installation with the devices `ann` and `bob`.
struct Laptop {
    running: Running,
    at: String,
    http: reqwest::Client,
    keys: [KeyPair; 2],
    _data: tempfile::TempDir,
}

impl Laptop {
    async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let running = up::start(config(data.path(), tokens("", iam()))).await.unwrap();
        let at = format!("http://{}", running.addresses.http);
        let keys = [KeyPair::generate().unwrap(), KeyPair::generate().unwrap()];
        let laptop = Self { running, at, http: reqwest::Client::new(), keys, _data: data };
        let registry = json!({
            "id": "reg", "eventNotificationConfigs": [{"pubsubTopicName": "projects/local/topics/events"}],
            "objectRules": [{"path": "gs://files/{deviceId}/", "access": "READ_WRITE"}],
        });
        laptop.admin("POST", REGISTRY.rsplit_once('/').unwrap().0, registry).await;
        for (id, key) in ["ann", "bob"].iter().zip(&laptop.keys) {
            laptop.admin("POST", &format!("{REGISTRY}/devices"), device(id, key)).await;
        }
        laptop
    }

    async fn admin(&self, method: &str, path: &str, body: Value) {
        assert_eq!(self.send(method, &format!("/v1/{path}"), "admin", &body).await, 200, "{method} {path}");
    }

    /// The status. `/token?DEVICE` stands for a form that names the device and carries the token.
    async fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> u16 {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.at));
        let request = match (path.strip_prefix("/token?"), method) {
            (Some(device), _) => request.header("content-type", "application/x-www-form-urlencoded").body(exchange(device, token, PUBSUB)),
            (None, "POST" | "PATCH") => request.bearer_auth(token).json(body),
            (None, "PUT") => request.bearer_auth(token).body("x"),
            (None, _) => request.bearer_auth(token),
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        // RFC 8693, section 2.2.2: a token that proves nothing is an invalid request.
        let text = response.text().await.unwrap();
        if path.starts_with("/token?") && status == 400 && text.contains("no unexpired key") { 401 } else { status }
    }
}

/// The first argument of every `.route(` in `text`.
fn routes_in(text: &str) -> Vec<String> {
    let argument = |rest: &str| {
        let mut depth = 0;
        let end = rest.find(|c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ',' && depth == 0
        });
        rest[..end.unwrap()].trim().to_owned()
    };
    text.split(".route(").skip(1).map(argument).collect()
}

#[test]
fn every_route_of_the_functions_is_listed_here() {
    let functions = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions"));
    let mut found = BTreeSet::new();
    for function in fs::read_dir(functions).unwrap().map(|f| f.unwrap()).filter(|f| f.path().join("src/http.rs").is_file()) {
        let inner = fs::read_dir(function.path().join("src/http")).unwrap().map(|f| f.unwrap().path());
        for file in inner.chain([function.path().join("src/http.rs")]).filter(|f| f.is_file()) {
            let routes = routes_in(&fs::read_to_string(&file).unwrap());
            found.extend(routes.into_iter().map(|route| (function.file_name().into_string().unwrap(), route)));
        }
    }
    let listed = DEVICE_ROUTES.iter().chain(&ADMIN_ROUTES).chain(&OTHER_ROUTES);
    let listed: BTreeSet<_> = listed.map(|(function, route)| ((*function).to_owned(), (*route).to_owned())).collect();
    assert_eq!(found.difference(&listed).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "list them, and try them below");
    assert_eq!(listed.difference(&found).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "these are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_of_one_device_opens_a_route_of_another() {
    let laptop = Laptop::new().await;
    let (ann, bob) = (jwt(&laptop.keys[0]), jwt(&laptop.keys[1]));
    for (method, path, body) in requests("bob") {
        assert_eq!(laptop.send(method, &path, &ann, &body).await, 401, "{method} {path} with another's token");
        let own = laptop.send(method, &path, &bob, &body).await;
        assert!(own < 400 || own == 404, "{method} {path} with its own token: {own}");
    }
    for (method, path, body) in admin_requests("bob") {
        for token in [&ann, &bob] {
            let status = laptop.send(method, &path, token, &body).await;
            assert!(matches!(status, 401 | 403), "{method} {path} with a device's token: {status}");
        }
    }
    laptop.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_device_is_out_of_every_route_with_the_next_request() {
    let laptop = Laptop::new().await;
    let bob = jwt(&laptop.keys[1]);
    for (method, path, body) in requests("bob") {
        let before = laptop.send(method, &path, &bob, &body).await;
        assert!(before < 400 || before == 404, "{method} {path}: {before}");
    }
    laptop.admin("PATCH", &format!("{REGISTRY}/devices/bob?updateMask=blocked"), json!({"blocked": true})).await;
    for (method, path, body) in requests("bob") {
        let after = laptop.send(method, &path, &bob, &body).await;
        let expected = if path.starts_with("/token?") { 400 } else { 403 };
        assert_eq!(after, expected, "{method} {path}");
    }
    laptop.running.shut_down().await;
}
