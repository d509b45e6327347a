//! Refusals: those of REST in code, words and details.

use device_registry::pb::{self, google::rpc};
use prost::Message;
use rcgen::KeyPair;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::client::{REGISTRY, Town, create_device, create_registry, device_name, framed};
use crate::support::{self, jwt};

const DEVICES: &str = "principalSet://iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge/*";

/// The details of a status, each as the JSON that REST has for it.
fn details(status: &Status) -> Vec<Value> {
    fn json<T: Message + Default + serde::Serialize>(detail: &pb::Any) -> Value {
        let mut json = serde_json::to_value(T::decode(&*detail.value).unwrap()).unwrap();
        json["@type"] = detail.type_url.clone().into();
        json
    }
    let whole = rpc::Status::decode(status.details()).unwrap();
    if !whole.details.is_empty() {
        assert_eq!((whole.code, whole.message.as_str()), (status.code() as i32, status.message()));
    }
    let one = |detail: &pb::Any| match detail.type_url.as_str() {
        "type.googleapis.com/google.rpc.BadRequest" => json::<rpc::BadRequest>(detail),
        "type.googleapis.com/google.rpc.ErrorInfo" => json::<rpc::ErrorInfo>(detail),
        other => panic!("{other} is no detail of ours"),
    };
    whole.details.iter().map(one).collect()
}

/// The refusal over gRPC is this one over REST; answers its code.
fn same(over_grpc: &Status, (_, over_rest): (u16, Value)) -> Code {
    let error = &over_rest["error"];
    let name = format!("{:?}", over_grpc.code());
    assert_eq!(error["status"].as_str().unwrap().replace('_', ""), name.to_uppercase(), "{error}");
    assert_eq!(error["message"].as_str().unwrap(), over_grpc.message());
    assert_eq!(error["details"].as_array().cloned().unwrap_or_default(), details(over_grpc));
    over_grpc.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_the_code_the_words_and_the_details_that_rest_has() {
    let mut town = Town::new().await;
    town.grpc.call::<pb::Device>("CreateDevice", &create_device("dev")).await.unwrap();
    let devices = format!("{REGISTRY}/devices");
    let dev = device_name("dev");

    let e = town.grpc.call::<pb::Device>("CreateDevice", &create_device("dev")).await.unwrap_err();
    assert_eq!(same(&e, town.rest("POST", &devices, json!({"id": "dev"})).await), Code::AlreadyExists);

    let e = town.grpc.call::<pb::Device>("CreateDevice", &create_device("1 é\n")).await.unwrap_err();
    assert_eq!(same(&e, town.rest("POST", &devices, json!({"id": "1 é\n"})).await), Code::InvalidArgument);
    assert_eq!(details(&e).len(), 1, "it names the field");

    let get = pb::GetDeviceRequest { name: device_name("other"), field_mask: None };
    let e = town.grpc.call::<pb::Device>("GetDevice", &get).await.unwrap_err();
    assert_eq!(same(&e, town.rest("GET", &device_name("other"), Value::Null).await), Code::NotFound);

    let delete = pb::DeleteDeviceRegistryRequest { name: REGISTRY.into() };
    let e = town.grpc.call::<pb::Empty>("DeleteDeviceRegistry", &delete).await.unwrap_err();
    assert_eq!(same(&e, town.rest("DELETE", REGISTRY, Value::Null).await), Code::FailedPrecondition);

    let command = pb::SendCommandToDeviceRequest { name: dev.clone(), binary_data: b"go".to_vec(), subfolder: "a".into() };
    let e = town.grpc.call::<pb::SendCommandToDeviceResponse>("SendCommandToDevice", &command).await.unwrap_err();
    let over_rest = town.rest("POST", &format!("{dev}:sendCommandToDevice"), json!({"binaryData": "Z28=", "subfolder": "a"})).await;
    assert_eq!(same(&e, over_rest), Code::FailedPrecondition);

    let stale = pb::ModifyCloudToDeviceConfigRequest { name: dev.clone(), version_to_update: 7, binary_data: vec![] };
    let e = town.grpc.call::<pb::DeviceConfig>("ModifyCloudToDeviceConfig", &stale).await.unwrap_err();
    let over_rest = town.rest("POST", &format!("{dev}:modifyCloudToDeviceConfig"), json!({"versionToUpdate": "7"})).await;
    assert_ne!(same(&e, over_rest), Code::Ok);
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_too_long_for_a_clients_headers_is_cut() {
    let mut town = Town::new().await;
    let mask = pb::FieldMask { paths: vec!["é".repeat(10_000)] };
    let update = pb::UpdateDeviceRegistryRequest {
        device_registry: Some(pb::DeviceRegistry { name: REGISTRY.into(), ..Default::default() }),
        update_mask: Some(mask),
    };
    let reply = town.grpc.raw("UpdateDeviceRegistry", &[("authorization", "Bearer admin")], framed(&update.encode_to_vec()).into()).await;
    let size: usize = reply.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(size < 8192, "{size}");
    assert_eq!((reply.status().code(), reply.status().message().len()), (Code::InvalidArgument, 1024 - 1));
    town.running.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_which_permission_is_missing_and_on_what() {
    let viewer = json!({"bindings": [{"role": "roles/cloudiot.viewer", "members": [DEVICES]}]});
    let mut town = Town::under(Some(viewer)).await;
    let key = KeyPair::generate().unwrap();
    assert_eq!(town.rest("POST", &format!("{REGISTRY}/devices"), support::device("dev", &key)).await.0, 200);
    let path = format!("http://{}/v1beta1/{}:generateAccessToken", town.running.addresses.http, device_name("dev"));
    let scope = json!({"scope": "https://www.googleapis.com/auth/cloud-platform"});
    let asked = reqwest::Client::new().post(path).bearer_auth(jwt(&key)).json(&scope);
    let token = support::answer(asked).await.1["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let as_device = [("authorization", bearer.as_str())];

    let get = pb::GetDeviceRequest { name: device_name("dev"), field_mask: None }.encode_to_vec();
    assert_eq!(town.grpc.raw("GetDevice", &as_device, framed(&get).into()).await.status().code(), Code::Ok);
    let make = create_registry(pb::DeviceRegistry { id: "more".into(), ..Default::default() }).encode_to_vec();
    let refused = town.grpc.raw("CreateDeviceRegistry", &as_device, framed(&make).into()).await.status();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let [info] = &details(&refused)[..] else { panic!("{refused:?}") };
    assert_eq!((&info["reason"], &info["metadata"]["permission"]), (&json!("IAM_PERMISSION_DENIED"), &json!("cloudiot.registries.create")));
    town.running.shut_down().await;
}
