//! Every field that can be set, set over gRPC and read over REST, and the other way round.

use device_registry::{Timestamp, pb};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use crate::client::{LOCATION, REGISTRY, Town, create_registry, device_name};
use crate::support::jwt;

/// Both ways to read it say the same, and these fields are in it.
fn same<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(over_grpc: &T, over_rest: &Value, fields: &[&str]) {
    let from_rest: T = serde_json::from_value(over_rest.clone()).unwrap();
    assert!(over_grpc == &from_rest, "{over_grpc:.600?}\n{from_rest:.600?}");
    for field in fields {
        assert!(!over_rest[field].is_null(), "{field} is not in {over_rest}");
    }
}

fn ca() -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.self_signed(&key).unwrap().pem()
}

fn registry() -> pb::DeviceRegistry {
    let route = |topic: &str, subfolder: &str, fan_out| pb::EventNotificationConfig {
        pubsub_topic_name: format!("projects/local/topics/{topic}"),
        subfolder_matches: subfolder.into(),
        fan_out,
    };
    let certificate = pb::PublicKeyCertificate {
        format: pb::PublicKeyCertificateFormat::X509CertificatePem.into(),
        certificate: ca(),
        x509_details: None,
    };
    let rule = |path: &str, access: pb::ObjectAccess| pb::ObjectRule { path: path.into(), access: access.into() };
    pb::DeviceRegistry {
        id: "full".into(),
        name: String::new(),
        event_notification_configs: vec![route("alarms", "alarms/hot", false), route("all", "", true)],
        state_notification_config: Some(pb::StateNotificationConfig { pubsub_topic_name: "projects/local/topics/states".into() }),
        mqtt_config: Some(pb::MqttConfig { mqtt_enabled_state: pb::MqttState::MqttDisabled.into() }),
        http_config: Some(pb::HttpConfig { http_enabled_state: pb::HttpState::HttpDisabled.into() }),
        log_level: pb::LogLevel::Debug.into(),
        credentials: vec![pb::RegistryCredential {
            credential: Some(pb::registry_credential::Credential::PublicKeyCertificate(certificate)),
        }],
        object_rules: vec![
            rule("gs://files/firmware/", pb::ObjectAccess::Read),
            rule("gs://files/logs/{registryId}/{deviceId}/", pb::ObjectAccess::ReadWrite),
        ],
        service_accounts: vec!["worker@local.iam.gserviceaccount.com".into()],
    }
}

const REGISTRY_FIELDS: [&str; 10] = [
    "id",
    "name",
    "eventNotificationConfigs",
    "stateNotificationConfig",
    "mqttConfig",
    "httpConfig",
    "logLevel",
    "credentials",
    "objectRules",
    "serviceAccounts",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_is_the_same_over_both() {
    let mut town = Town::new().await;
    let sent = registry();
    let made: pb::DeviceRegistry = town.grpc.call("CreateDeviceRegistry", &create_registry(sent.clone())).await.unwrap();
    let name = format!("{LOCATION}/registries/full");
    let mut expected = pb::DeviceRegistry { name: name.clone(), ..sent };
    expected.credentials.clone_from(&made.credentials);
    assert_eq!(made, expected);
    let pb::registry_credential::Credential::PublicKeyCertificate(found) = made.credentials[0].credential.clone().unwrap();
    let details = found.x509_details.unwrap();
    assert!(details.expiry_time.unwrap().seconds > details.start_time.unwrap().seconds && !details.signature_algorithm.is_empty());
    same(&made, &town.rest("GET", &name, Value::Null).await.1, &REGISTRY_FIELDS);

    let body = json!({"logLevel": 30, "mqttConfig": {"mqttEnabledState": "MQTT_ENABLED"}, "eventNotificationConfigs": []});
    let patch = format!("{name}?updateMask=logLevel,mqttConfig,eventNotificationConfigs");
    let (status, patched) = town.rest("PATCH", &patch, body).await;
    assert_eq!(status, 200, "{patched}");
    let got: pb::DeviceRegistry = town.grpc.call("GetDeviceRegistry", &pb::GetDeviceRegistryRequest { name }).await.unwrap();
    same(&got, &patched, &["logLevel", "mqttConfig"]);
    assert_eq!((got.log_level(), got.event_notification_configs.len()), (pb::LogLevel::Info, 0));
    town.running.shut_down().await;
}

fn device(key: &KeyPair) -> pb::Device {
    let public = pb::PublicKeyCredential { format: pb::PublicKeyFormat::Es256Pem.into(), key: key.public_key_pem() };
    pb::Device {
        id: "full~dev.1+2%3".into(),
        credentials: vec![pb::DeviceCredential {
            credential: Some(pb::device_credential::Credential::PublicKey(public)),
            expiration_time: Some(Timestamp { seconds: 4_000_000_000, nanos: 123_456_000 }),
        }],
        config: Some(pb::DeviceConfig { binary_data: (0..=255).collect(), ..Default::default() }),
        log_level: pb::LogLevel::Error.into(),
        metadata: [("room".to_owned(), "é \"b\"\n".to_owned())].into(),
        gateway_config: Some(pb::GatewayConfig {
            gateway_type: pb::GatewayType::Gateway.into(),
            gateway_auth_method: pb::GatewayAuthMethod::AssociationAndDeviceAuthToken.into(),
            ..Default::default()
        }),
        service_accounts: vec!["worker@local.iam.gserviceaccount.com".into()],
        ..Default::default()
    }
}

/// All but what a device makes over MQTT alone.
const DEVICE_FIELDS: [&str; 15] = [
    "id",
    "name",
    "numId",
    "credentials",
    "lastEventTime",
    "lastStateTime",
    "lastErrorTime",
    "lastErrorStatus",
    "blocked",
    "config",
    "state",
    "logLevel",
    "metadata",
    "gatewayConfig",
    "serviceAccounts",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_the_same_over_both_with_what_it_did() {
    let mut town = Town::new().await;
    let route = json!({"eventNotificationConfigs": [{"pubsubTopicName": "projects/local/topics/events"}]});
    assert_eq!(town.rest("PATCH", &format!("{REGISTRY}?updateMask=eventNotificationConfigs"), route).await.0, 200);
    let key = KeyPair::generate().unwrap();
    let sent = device(&key);
    let create = pb::CreateDeviceRequest { parent: REGISTRY.into(), device: Some(sent.clone()) };
    let made: pb::Device = town.grpc.call("CreateDevice", &create).await.unwrap();
    assert!(made.num_id > 2_000_000_000_000_000 && made.name == device_name(&made.num_id.to_string()));
    let config =
        pb::DeviceConfig { version: 1, cloud_update_time: made.config.clone().unwrap().cloud_update_time, ..sent.config.clone().unwrap() };
    assert_eq!(made, pb::Device { name: made.name.clone(), num_id: made.num_id, config: Some(config), ..sent.clone() });

    let at = format!("http://{}/v1/{}", town.running.addresses.http, device_name(&made.num_id.to_string()));
    for (verb, token, body, status) in [
        ("publishEvent", jwt(&key), json!({"binaryData": "AA=="}), 200),
        ("setState", jwt(&key), json!({"state": {"binaryData": "+/8="}}), 200),
        ("publishEvent", jwt(&KeyPair::generate().unwrap()), json!({"binaryData": "AA=="}), 401),
    ] {
        let answer = reqwest::Client::new().post(format!("{at}:{verb}")).bearer_auth(token).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{verb}");
    }
    let blocked = pb::Device { name: device_name("full~dev.1+2%3"), blocked: true, ..Default::default() };
    let mask = pb::FieldMask { paths: vec!["blocked".into()] };
    let update = pb::UpdateDeviceRequest { device: Some(blocked), update_mask: Some(mask) };
    let now: pb::Device = town.grpc.call("UpdateDevice", &update).await.unwrap();
    assert_eq!((now.blocked, &now.metadata, now.state.clone().unwrap().binary_data), (true, &sent.metadata, vec![0xFB, 0xFF]));
    let rest = town.rest("GET", &device_name("full~dev.1+2%253"), Value::Null).await.1;
    same(&now, &rest, &DEVICE_FIELDS);
    assert_eq!(now.last_error_status.unwrap().code, 16);

    let credential =
        json!({"publicKey": {"format": "ES256_PEM", "key": key.public_key_pem()}, "expirationTime": "2031-02-03T04:05:06.000007Z"});
    let patch = format!("{}?updateMask=credentials,metadata", made.name);
    let (status, patched) = town.rest("PATCH", &patch, json!({"credentials": [credential]})).await;
    assert_eq!(status, 200, "{patched}");
    let get = pb::GetDeviceRequest { name: made.name, field_mask: None };
    let got: pb::Device = town.grpc.call("GetDevice", &get).await.unwrap();
    same(&got, &patched, &["credentials"]);
    assert_eq!((got.metadata.len(), got.credentials[0].expiration_time.unwrap().nanos), (0, 7_000));
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_states_and_lists_are_the_same_over_both() {
    let mut town = Town::new().await;
    let key = KeyPair::generate().unwrap();
    let create = pb::CreateDeviceRequest { parent: REGISTRY.into(), device: Some(device(&key)) };
    let made: pb::Device = town.grpc.call("CreateDevice", &create).await.unwrap();
    let name = made.name.clone();
    let modify = pb::ModifyCloudToDeviceConfigRequest { name: name.clone(), version_to_update: 1, binary_data: vec![0; 65_536] };
    let second: pb::DeviceConfig = town.grpc.call("ModifyCloudToDeviceConfig", &modify).await.unwrap();
    assert_eq!((second.version, second.binary_data.len()), (2, 65_536));
    let versions = pb::ListDeviceConfigVersionsRequest { name: name.clone(), num_versions: 1 };
    let versions: pb::ListDeviceConfigVersionsResponse = town.grpc.call("ListDeviceConfigVersions", &versions).await.unwrap();
    assert_eq!(versions.device_configs, [second]);
    same(&versions, &town.rest("GET", &format!("{name}/configVersions?numVersions=1"), Value::Null).await.1, &["deviceConfigs"]);

    let url = format!("http://{}/v1/{name}:setState", town.running.addresses.http);
    let state = json!({"state": {"binaryData": "AP8="}});
    assert_eq!(reqwest::Client::new().post(url).bearer_auth(jwt(&key)).json(&state).send().await.unwrap().status(), 200);
    let states = pb::ListDeviceStatesRequest { name: name.clone(), num_states: 0 };
    let states: pb::ListDeviceStatesResponse = town.grpc.call("ListDeviceStates", &states).await.unwrap();
    assert_eq!(states.device_states[0].binary_data, [0, 0xFF]);
    same(&states, &town.rest("GET", &format!("{name}/states"), Value::Null).await.1, &["deviceStates"]);

    let paths = ["config", "state.update_time", "gatewayConfig"].map(str::to_owned).to_vec();
    let list = pb::ListDevicesRequest {
        parent: REGISTRY.into(),
        device_ids: vec!["no-such-device".into()],
        device_num_ids: vec![made.num_id],
        field_mask: Some(pb::FieldMask { paths }),
        gateway_list_options: Some(pb::GatewayListOptions {
            filter: Some(pb::gateway_list_options::Filter::GatewayType(pb::GatewayType::Gateway.into())),
        }),
        page_size: 1,
        page_token: String::new(),
    };
    let listed: pb::ListDevicesResponse = town.grpc.call("ListDevices", &list).await.unwrap();
    let options = "gatewayListOptions.gatewayType=GATEWAY&pageSize=1&fieldMask=config,state.updateTime,gatewayConfig";
    let path = format!("{REGISTRY}/devices?deviceIds=no-such-device&deviceNumIds={}&{options}", made.num_id);
    same(&listed, &town.rest("GET", &path, Value::Null).await.1, &["devices"]);
    let row = &listed.devices[0];
    assert!(row.config.is_some() && row.credentials.is_empty() && row.state.as_ref().unwrap().binary_data.is_empty());
    town.running.shut_down().await;
}
