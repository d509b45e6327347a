//! The rows against the service's definition, with messages that have every field set.

use axum::body::to_bytes;
use axum::http::HeaderMap;
use device_registry::pb::google::iam::v1 as iam;
use device_registry::pb::{self, Empty};
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value as Field,
};
use serde_json::{Value, json};

use super::methods::{METHODS, Method};

fn pool() -> DescriptorPool {
    let proto = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/device-registry/proto");
    let files = protox::compile(["google/cloud/iot/v1/device_manager.proto"], [proto]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
}

/// A message of this kind with every field set, of each `oneof` the `choice`-th.
fn filled(kind: &MessageDescriptor, choice: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(kind.clone());
    for field in kind.fields() {
        let chosen = field.containing_oneof().is_none_or(|oneof| {
            let alternatives: Vec<_> = oneof.fields().collect();
            alternatives[choice % alternatives.len()] == field
        });
        // An Any has the type that its writer says; no method answers one.
        if !chosen || matches!(field.kind(), Kind::Message(kind) if kind.full_name() == "google.protobuf.Any") {
            continue;
        }
        let value = if let (true, Kind::Message(entry)) = (field.is_map(), field.kind()) {
            let value = single(&entry.map_entry_value_field(), choice);
            Field::Map([(MapKey::String("key".into()), value)].into())
        } else if field.is_list() {
            Field::List(vec![single(&field, choice), single(&field, choice + 1)])
        } else {
            single(&field, choice)
        };
        message.set_field(&field, value);
    }
    message
}

fn single(field: &FieldDescriptor, choice: usize) -> Field {
    match field.kind() {
        Kind::Bool => Field::Bool(true),
        // As a JSON number it would lose its last digit in most programs.
        Kind::Int64 => Field::I64(9_007_199_254_740_993),
        Kind::Uint64 => Field::U64(u64::MAX),
        // Of a timestamp's: nanoseconds down to the microsecond.
        Kind::Int32 => Field::I32(281_930_000),
        Kind::String => Field::String(format!("{} é\"{choice}", field.name())),
        Kind::Bytes => Field::Bytes(vec![0xFB, 0xFF, 0, u8::try_from(choice).unwrap()].into()),
        Kind::Enum(values) => Field::EnumNumber(values.values().last().unwrap().number()),
        Kind::Message(kind) if kind.full_name() == "google.protobuf.Timestamp" => {
            let mut time = DynamicMessage::new(kind);
            time.set_field_by_name("seconds", Field::I64(1_700_000_000));
            time.set_field_by_name("nanos", Field::I32(281_930_001));
            Field::Message(time)
        }
        Kind::Message(kind) => Field::Message(filled(&kind, choice)),
        other => panic!("the API has no field of the kind {other:?}"),
    }
}

/// The message in JSON by its Rust type, the way `functions/` write it.
fn json_by_type(kind: &str, bytes: &[u8]) -> Value {
    fn of<T: Message + Default + serde::Serialize>(bytes: &[u8]) -> Value {
        serde_json::to_value(T::decode(bytes).unwrap()).unwrap()
    }
    let read: fn(&[u8]) -> Value = match kind {
        "google.protobuf.Empty" => of::<Empty>,
        "google.iam.v1.Policy" => of::<iam::Policy>,
        "google.iam.v1.TestIamPermissionsResponse" => of::<iam::TestIamPermissionsResponse>,
        "google.cloud.iot.v1.Device" => of::<pb::Device>,
        "google.cloud.iot.v1.DeviceConfig" => of::<pb::DeviceConfig>,
        "google.cloud.iot.v1.DeviceRegistry" => of::<pb::DeviceRegistry>,
        "google.cloud.iot.v1.ListDeviceRegistriesResponse" => of::<pb::ListDeviceRegistriesResponse>,
        "google.cloud.iot.v1.ListDevicesResponse" => of::<pb::ListDevicesResponse>,
        "google.cloud.iot.v1.ListDeviceConfigVersionsResponse" => of::<pb::ListDeviceConfigVersionsResponse>,
        "google.cloud.iot.v1.ListDeviceStatesResponse" => of::<pb::ListDeviceStatesResponse>,
        "google.cloud.iot.v1.SendCommandToDeviceResponse" => of::<pb::SendCommandToDeviceResponse>,
        "google.cloud.iot.v1.BindDeviceToGatewayResponse" => of::<pb::BindDeviceToGatewayResponse>,
        "google.cloud.iot.v1.UnbindDeviceFromGatewayResponse" => of::<pb::UnbindDeviceFromGatewayResponse>,
        other => panic!("no method answers {other}"),
    };
    read(bytes)
}

#[test]
fn every_method_of_the_service_has_its_row_and_no_field_of_an_answer_is_lost() {
    let service = pool().get_service_by_name("google.cloud.iot.v1.DeviceManager").unwrap();
    let names: Vec<_> = service.methods().map(|method| method.name().to_owned()).collect();
    assert_eq!(names, METHODS.iter().map(|row| row.name).collect::<Vec<_>>());
    for (method, choice) in service.methods().flat_map(|method| [0, 1, 2].map(|choice| (method.clone(), choice))) {
        let sent = filled(&method.output(), choice);
        let json = json_by_type(method.output().full_name(), &sent.encode_to_vec()).to_string();
        let row = Method::named(method.name()).unwrap();
        let back = (row.message)(json.as_bytes()).unwrap();
        assert_eq!(DynamicMessage::decode(method.output(), &*back).unwrap(), sent, "{}: {json}", method.name());
    }
}

/// Every leaf of a message with the path that leads to it, as JSON names it.
fn leaves(message: &DynamicMessage, path: &str, all: &mut Vec<String>) {
    for (field, value) in message.fields() {
        let path = format!("{path}/{}", field.json_name());
        match value {
            Field::Message(inside) if !inside.descriptor().full_name().starts_with("google.protobuf.") => leaves(inside, &path, all),
            Field::List(items) => items.iter().enumerate().for_each(|(place, item)| match item {
                Field::Message(inside) => leaves(inside, &format!("{path}/{place}"), all),
                _ => all.push(format!("{path}/{place}")),
            }),
            _ => all.push(path),
        }
    }
}

#[test]
fn no_field_of_a_question_is_lost_on_its_way_into_json() {
    let service = pool().get_service_by_name("google.cloud.iot.v1.DeviceManager").unwrap();
    for (method, choice) in service.methods().flat_map(|method| [0, 1, 2].map(|choice| (method.clone(), choice))) {
        let sent = filled(&method.input(), choice);
        let json = (Method::named(method.name()).unwrap().json)(&sent.encode_to_vec()).unwrap();
        let mut all = Vec::new();
        leaves(&sent, "", &mut all);
        let lost: Vec<_> = all.iter().filter(|path| json.pointer(path).is_none_or(Value::is_null)).collect();
        assert!(lost.is_empty() && !all.is_empty(), "{} loses {lost:?}: {json}", method.name());
    }
}

/// Verb, path with query, body and `x-http-method-override` of the request that `message` is.
async fn request(method: &str, message: impl Message) -> (String, String, String) {
    let metadata = HeaderMap::from_iter(
        [("authorization", "Bearer t"), ("x-goog-request-params", "name=x")].map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())),
    );
    let request = Method::named(method).unwrap().request(&metadata, &message.encode_to_vec()).unwrap();
    assert_eq!((&request.headers()["authorization"], request.headers().get("x-goog-request-params")), (&"Bearer t".parse().unwrap(), None));
    let overriding = request.headers().get("x-http-method-override").map(|verb| format!(" as {}", verb.to_str().unwrap()));
    let verb = format!("{}{}", request.method(), overriding.unwrap_or_default());
    let uri = request.uri().to_string();
    let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
    (verb, uri, String::from_utf8(body.to_vec()).unwrap())
}

const REGISTRY: &str = "projects/e.com:p/locations/l/registries/r";

fn mask(paths: &[&str]) -> Option<pb::FieldMask> {
    Some(pb::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() })
}

#[tokio::test]
async fn the_name_goes_into_the_path_the_field_into_the_body_and_the_rest_into_the_query() {
    let device = pb::Device { name: format!("{REGISTRY}/devices/d"), blocked: true, num_id: u64::MAX, ..Default::default() };
    let asked =
        request("UpdateDevice", pb::UpdateDeviceRequest { device: Some(device), update_mask: mask(&["blocked", "log_level"]) }).await;
    let body = json!({"name": format!("{REGISTRY}/devices/d"), "blocked": true, "numId": "18446744073709551615"}).to_string();
    assert_eq!(asked, ("PATCH".into(), format!("/v1/{REGISTRY}/devices/d?updateMask=blocked%2Clog_level"), body));

    let command =
        pb::SendCommandToDeviceRequest { name: format!("{REGISTRY}/groups/g/devices/d"), binary_data: vec![0xFB], ..Default::default() };
    let asked = request("SendCommandToDevice", command).await;
    let path = format!("/v1/{REGISTRY}/groups/g/devices/d:sendCommandToDevice");
    assert_eq!(asked, ("POST".into(), path, json!({"binaryData": "+w=="}).to_string()));

    let options = pb::gateway_list_options::Filter::GatewayType(pb::GatewayType::NonGateway.into());
    let list = pb::ListDevicesRequest {
        parent: REGISTRY.into(),
        device_num_ids: vec![1, 2],
        field_mask: mask(&["config.version"]),
        gateway_list_options: Some(pb::GatewayListOptions { filter: Some(options) }),
        page_size: 7,
        ..Default::default()
    };
    let (verb, uri, body) = request("ListDevices", list).await;
    let (path, query) = uri.split_once('?').unwrap();
    let mut query: Vec<_> = query.split('&').collect();
    query.sort_unstable();
    assert_eq!((verb.as_str(), path, body.as_str()), ("GET", &*format!("/v1/{REGISTRY}/devices"), ""));
    let expected =
        ["deviceNumIds=1", "deviceNumIds=2", "fieldMask=config.version", "gatewayListOptions.gatewayType=NON_GATEWAY", "pageSize=7"];
    assert_eq!(query, expected);
}

#[tokio::test]
async fn a_query_too_long_for_a_url_travels_as_a_body() {
    let device_ids = (0..10_000).map(|n| format!("device-{n}")).collect();
    let (verb, uri, body) =
        request("ListDevices", pb::ListDevicesRequest { parent: REGISTRY.into(), device_ids, ..Default::default() }).await;
    assert_eq!((verb.as_str(), uri), ("POST as GET", format!("/v1/{REGISTRY}/devices")));
    assert_eq!(body.split('&').count(), 10_000);
}

#[tokio::test]
async fn what_a_name_has_of_a_paths_signs_is_encoded() {
    let name = |id: &str| pb::GetDeviceRequest { name: format!("{REGISTRY}/devices/{id}"), field_mask: None };
    for (id, path) in
        [("a%b~c+d_e.f-g", "a%25b~c+d_e.f-g"), ("d:verb", "d%3Averb"), ("~verb", "%7Everb"), ("a b?c#dé", "a%20b%3Fc%23d%C3%A9")]
    {
        assert_eq!(request("GetDevice", name(id)).await.1, format!("/v1/{REGISTRY}/devices/{path}"));
    }
}

#[test]
fn a_name_of_another_form_is_refused_with_the_form() {
    let refused = |method: &str, message: &dyn Fn() -> Vec<u8>| {
        let e = Method::named(method).unwrap().request(&HeaderMap::new(), &message()).unwrap_err();
        (e.code().name(), e.message().to_owned())
    };
    for name in ["", "x", "projects/p/locations/l/registries/r", "projects/p/locations/l/registries//devices/d", "/projects/p"] {
        let (code, text) = refused("DeleteDevice", &|| pb::DeleteDeviceRequest { name: name.into() }.encode_to_vec());
        let expected = format!("name `{name}` is not of the form projects/*/locations/*/registries/*/devices/*");
        assert_eq!((code, text), ("INVALID_ARGUMENT", expected));
    }
    let (_, text) = refused("UpdateDevice", &|| pb::UpdateDeviceRequest::default().encode_to_vec());
    assert!(text.starts_with("device.name `` is not of the form ") && text.ends_with("/groups/*/devices/*"), "{text}");
}

#[test]
fn what_json_cannot_say_is_refused() {
    let device = pb::Device { log_level: 99, ..Default::default() };
    let message = pb::CreateDeviceRequest { parent: REGISTRY.into(), device: Some(device) }.encode_to_vec();
    for (message, says) in [(message, "Invalid variant 99"), (vec![0x0A, 0x7F], "not of the method's type")] {
        let e = Method::named("CreateDevice").unwrap().request(&HeaderMap::new(), &message).unwrap_err();
        assert_eq!(e.code().name(), "INVALID_ARGUMENT");
        assert!(e.message().starts_with("CreateDevice: ") && e.message().contains(says), "{}", e.message());
    }
}
