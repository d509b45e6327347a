//! Through a gateway: as the gateway for a bound device, or as the device that names its gateway.

use domain::device::{Device, GatewayAuthMethod, GatewayType};
use domain::ports::Expect;
use domain::{Timestamp, gateway};
use edge::encode_base64;
use fixture::{NOON, signed};
use serde_json::{Value, json};

use crate::support::{App, V};

const GATE: &str = "/v1/projects/p-1/locations/us-central1/registries/reg/devices/gate";
const GATE_NUM: u64 = 2_600_000_000_000_002;

/// The device `dev`, and the gateway `gate` with a key of its own.
struct Pair {
    app: App,
    gate: Device,
    gate_token: String,
}

impl Pair {
    async fn with(method: GatewayAuthMethod) -> Self {
        let (app, key) = (App::new().await, rcgen::KeyPair::generate().unwrap());
        let name = fixture::device_key("projects/p-1/locations/us-central1/registries/reg", "gate");
        let mut gate = fixture::device(name, GATE_NUM, vec![fixture::credential(&key)]);
        gate.gateway.kind = GatewayType::Gateway;
        gate.gateway.auth_method = method;
        app.stores.devices.put(&gate.key.to_string(), &gate, Expect::Anything).await.unwrap();
        app.stores.device_numbers.put(&GATE_NUM.to_string(), &gate.key, Expect::Anything).await.unwrap();
        let gate_token = signed(&key, &json!({"aud": "p-1", "iat": NOON, "exp": NOON + 1200}));
        Self { app, gate, gate_token }
    }

    async fn bound(method: GatewayAuthMethod) -> Self {
        let pair = Self::with(method).await;
        let device = pair.app.stores.devices.get(&App::device_key().to_string()).await.unwrap().unwrap().value;
        gateway::bind(&pair.app.stores, &pair.gate, &device, Timestamp::from_secs(NOON)).await.unwrap();
        pair
    }

    async fn as_gateway(&self, verb: &str, body: Value) -> fixture::Answer {
        self.app.send("POST", &format!("{GATE}:{verb}"), Some(&self.gate_token), body.to_string()).await
    }
}

fn event(info: Value) -> Value {
    json!({"binaryData": encode_base64(b"21.5"), "gatewayInfo": info})
}

#[tokio::test]
async fn a_gateway_publishes_for_a_device_that_is_bound_to_it() {
    let pair = Pair::bound(GatewayAuthMethod::AssociationOnly).await;
    for named in ["dev".to_owned(), crate::support::NUM_ID.to_string()] {
        pair.as_gateway("publishEvent", event(json!({"delegatedDeviceId": named}))).await.ok();
    }
    let batch = json!({"events": [{"binaryData": ""}], "gateway_info": {"delegated_device_id": "dev"}});
    pair.as_gateway("publishEvents", batch).await.ok();
    let published = pair.app.published();
    assert_eq!(published.len(), 3);
    for (topic, _, attributes) in &published {
        assert_eq!((topic.as_str(), attributes["deviceId"].as_str(), attributes["gatewayId"].as_str()), ("events", "dev", "gate"));
    }
    let status = pair.app.status().await;
    assert_eq!(status.last_gateway.unwrap().as_str(), "gate");
    assert!(status.last_event.is_some());
}

#[tokio::test]
async fn its_state_is_kept_and_its_configuration_fetched_as_its_own() {
    let pair = Pair::bound(GatewayAuthMethod::AssociationOnly).await;
    let state = json!({"state": {"binaryData": encode_base64(b"on")}, "gatewayInfo": {"delegatedDeviceId": "dev"}});
    pair.as_gateway("setState", state).await.ok();
    let kept = pair.app.stores.states.get(&App::device_key().to_string()).await.unwrap().unwrap().value;
    assert_eq!(kept.states[0].data, b"on");
    let uri = format!("{GATE}/config?gatewayInfo.delegatedDeviceId=dev");
    let config = pair.app.send("GET", &uri, Some(&pair.gate_token), String::new()).await.ok();
    assert_eq!(config, json!({"version": "1", "binaryData": encode_base64(b"one")}));
}

#[tokio::test]
async fn a_device_names_the_gateway_that_it_comes_through_whatever_the_method() {
    use GatewayAuthMethod as Method;
    for method in [Method::AssociationOnly, Method::DeviceAuthTokenOnly, Method::AssociationAndDeviceAuthToken] {
        let pair = Pair::bound(method).await;
        pair.app.post(&format!("{V}:publishEvent"), event(json!({"gatewayId": "gate"}))).await.ok();
        assert_eq!(pair.app.published()[0].2["gatewayId"], "gate", "{method:?}");
        pair.app.get(&format!("{V}/config?gateway_info.gateway_id={GATE_NUM}")).await.ok();
    }
}

#[tokio::test]
async fn a_device_that_is_not_bound_is_refused_either_way() {
    use GatewayAuthMethod as Method;
    for method in [Method::AssociationOnly, Method::DeviceAuthTokenOnly, Method::AssociationAndDeviceAuthToken] {
        let pair = Pair::with(method).await;
        let refused = pair.app.post(&format!("{V}:publishEvent"), event(json!({"gatewayId": "gate"}))).await;
        let message = refused.refused(400, "FAILED_PRECONDITION", "device `dev` is not bound to gateway `gate`");
        assert_eq!(pair.app.status().await.last_error.unwrap().message, message);
    }
    let pair = Pair::with(Method::AssociationOnly).await;
    let refused = pair.as_gateway("publishEvent", event(json!({"delegatedDeviceId": "dev"}))).await;
    refused.refused(400, "FAILED_PRECONDITION", "device `dev` is not bound to gateway `gate`");
    assert!(pair.app.published().is_empty());
}

#[tokio::test]
async fn a_gateway_that_needs_the_devices_token_cannot_speak_for_it_by_its_own() {
    for method in [GatewayAuthMethod::DeviceAuthTokenOnly, GatewayAuthMethod::AssociationAndDeviceAuthToken] {
        let pair = Pair::bound(method).await;
        let refused = pair.as_gateway("publishEvent", event(json!({"delegatedDeviceId": "dev"}))).await;
        refused.refused(400, "FAILED_PRECONDITION", "needs the JWT of device `dev`: ask as the device");
    }
}

#[tokio::test]
async fn what_names_nobody_or_somebody_who_is_none_is_refused() {
    let pair = Pair::bound(GatewayAuthMethod::AssociationOnly).await;
    let (device, says) = (format!("{V}:publishEvent"), "INVALID_ARGUMENT");
    pair.app.post(&device, event(json!({}))).await.refused(400, says, "neither `gatewayId` nor `delegatedDeviceId`");
    pair.app.post(&device, event(json!({"gatewayId": "gate", "delegatedDeviceId": "dev"}))).await.refused(400, says, "names both");
    pair.app.post(&device, event(json!({"gatewayId": "1x"}))).await.refused(400, says, "1x");
    pair.app.post(&device, event(json!({"gatewayId": "nobody"}))).await.refused(404, "NOT_FOUND", "gateway `nobody`");
    pair.app.post(&device, event(json!({"gatewayId": "dev"}))).await.refused(400, "FAILED_PRECONDITION", "`dev` is not a gateway");
    pair.as_gateway("publishEvent", event(json!({"delegatedDeviceId": "ghost"}))).await.refused(404, "NOT_FOUND", "device `ghost`");
    let own = event(json!({"delegatedDeviceId": "gate"}));
    pair.app.post(&device, own).await.refused(400, "FAILED_PRECONDITION", "`dev` is not a gateway");
    assert!(pair.app.published().is_empty());
}

#[tokio::test]
async fn a_blocked_device_is_refused_and_its_gateway_goes_on() {
    let pair = Pair::bound(GatewayAuthMethod::AssociationOnly).await;
    pair.app.device(|d| d.blocked = true).await;
    let through = event(json!({"delegatedDeviceId": "dev"}));
    pair.as_gateway("publishEvent", through).await.refused(400, "FAILED_PRECONDITION", "the device is blocked");
    pair.as_gateway("publishEvent", json!({"binaryData": ""})).await.ok();
    assert_eq!(pair.app.published()[0].2["deviceId"], "gate");
    assert!(!pair.app.published()[0].2.contains_key("gatewayId"));
}
