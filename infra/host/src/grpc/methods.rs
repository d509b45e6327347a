//! Which REST request each method is: the `google.api.http` options of Google's `device_manager.proto`, as rows.

use axum::http::Method as Verb;
use device_registry::pb::google::iam::v1 as iam;
use device_registry::pb::{self, Empty};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::mount::Function;

const LOCATION: &[&str] = &["projects/*/locations/*"];
const REGISTRY: &[&str] = &["projects/*/locations/*/registries/*"];
const DEVICE: &[&str] = &["projects/*/locations/*/registries/*/devices/*"];
const REGISTRY_OR_GROUP: &[&str] = &["projects/*/locations/*/registries/*", "projects/*/locations/*/registries/*/groups/*"];
const DEVICE_OR_MEMBER: &[&str] =
    &["projects/*/locations/*/registries/*/devices/*", "projects/*/locations/*/registries/*/groups/*/devices/*"];

/// What of a message travels as the body of its request. What is left, the name apart, travels as the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// This field.
    Field(&'static str),
    /// Everything but the name.
    Rest,
}

/// A method, and the REST request that it is.
pub(super) struct Method {
    /// As in the path of a call.
    pub(super) name: &'static str,
    /// The verb.
    pub(super) verb: Verb,
    /// The field that names the resource, with a dot when it stands in another: `device.name`.
    pub(super) named_by: &'static str,
    /// The forms that the name may have; `*` is one segment.
    pub(super) forms: &'static [&'static str],
    /// What follows the name in the path.
    pub(super) then: &'static str,
    /// The body.
    pub(super) body: Body,
    /// A request message as proto3 JSON.
    pub(super) json: fn(&[u8]) -> Result<Value, Unreadable>,
    /// A reply in proto3 JSON as a message.
    pub(super) message: fn(&[u8]) -> Result<Vec<u8>, serde_json::Error>,
}

/// A message that cannot become JSON.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is none.
    #[error("the message is not of the method's type: {0}")]
    Message(#[from] prost::DecodeError),
    /// It has what JSON cannot say: an enum's unknown number, a year above 9999.
    #[error("a field of the message has a value that the API does not define: {0}")]
    Value(#[from] serde_json::Error),
}

impl Method {
    /// The method of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name == name)
    }

    /// Whose routes its request goes to.
    pub(super) fn function(&self) -> Function {
        match self.name {
            "ModifyCloudToDeviceConfig" | "SendCommandToDevice" => Function::CommandRelay,
            _ => Function::DeviceRegistry,
        }
    }

    /// `Q` is what it is asked, `A` what it answers.
    const fn of<Q: Message + Default + Serialize, A: Message + DeserializeOwned>(
        name: &'static str,
        verb: Verb,
        (named_by, forms, then): (&'static str, &'static [&'static str], &'static str),
        body: Body,
    ) -> Self {
        Self { name, verb, named_by, forms, then, body, json: json::<Q>, message: message::<A> }
    }
}

fn json<Q: Message + Default + Serialize>(bytes: &[u8]) -> Result<Value, Unreadable> {
    Ok(serde_json::to_value(Q::decode(bytes)?)?)
}

fn message<A: Message + DeserializeOwned>(json: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    Ok(serde_json::from_slice::<A>(json)?.encode_to_vec())
}

/// All of the service. The lists and types are compared with `proto/` by `every_method_of_the_service_has_its_row`.
pub(super) static METHODS: [Method; 19] = [
    Method::of::<pb::CreateDeviceRegistryRequest, pb::DeviceRegistry>(
        "CreateDeviceRegistry",
        Verb::POST,
        ("parent", LOCATION, "/registries"),
        Body::Field("deviceRegistry"),
    ),
    Method::of::<pb::GetDeviceRegistryRequest, pb::DeviceRegistry>("GetDeviceRegistry", Verb::GET, ("name", REGISTRY, ""), Body::None),
    Method::of::<pb::UpdateDeviceRegistryRequest, pb::DeviceRegistry>(
        "UpdateDeviceRegistry",
        Verb::PATCH,
        ("deviceRegistry.name", REGISTRY, ""),
        Body::Field("deviceRegistry"),
    ),
    Method::of::<pb::DeleteDeviceRegistryRequest, Empty>("DeleteDeviceRegistry", Verb::DELETE, ("name", REGISTRY, ""), Body::None),
    Method::of::<pb::ListDeviceRegistriesRequest, pb::ListDeviceRegistriesResponse>(
        "ListDeviceRegistries",
        Verb::GET,
        ("parent", LOCATION, "/registries"),
        Body::None,
    ),
    Method::of::<pb::CreateDeviceRequest, pb::Device>("CreateDevice", Verb::POST, ("parent", REGISTRY, "/devices"), Body::Field("device")),
    Method::of::<pb::GetDeviceRequest, pb::Device>("GetDevice", Verb::GET, ("name", DEVICE_OR_MEMBER, ""), Body::None),
    Method::of::<pb::UpdateDeviceRequest, pb::Device>(
        "UpdateDevice",
        Verb::PATCH,
        ("device.name", DEVICE_OR_MEMBER, ""),
        Body::Field("device"),
    ),
    Method::of::<pb::DeleteDeviceRequest, Empty>("DeleteDevice", Verb::DELETE, ("name", DEVICE, ""), Body::None),
    Method::of::<pb::ListDevicesRequest, pb::ListDevicesResponse>(
        "ListDevices",
        Verb::GET,
        ("parent", REGISTRY_OR_GROUP, "/devices"),
        Body::None,
    ),
    Method::of::<pb::ModifyCloudToDeviceConfigRequest, pb::DeviceConfig>(
        "ModifyCloudToDeviceConfig",
        Verb::POST,
        ("name", DEVICE_OR_MEMBER, ":modifyCloudToDeviceConfig"),
        Body::Rest,
    ),
    Method::of::<pb::ListDeviceConfigVersionsRequest, pb::ListDeviceConfigVersionsResponse>(
        "ListDeviceConfigVersions",
        Verb::GET,
        ("name", DEVICE_OR_MEMBER, "/configVersions"),
        Body::None,
    ),
    Method::of::<pb::ListDeviceStatesRequest, pb::ListDeviceStatesResponse>(
        "ListDeviceStates",
        Verb::GET,
        ("name", DEVICE_OR_MEMBER, "/states"),
        Body::None,
    ),
    Method::of::<iam::SetIamPolicyRequest, iam::Policy>(
        "SetIamPolicy",
        Verb::POST,
        ("resource", REGISTRY_OR_GROUP, ":setIamPolicy"),
        Body::Rest,
    ),
    Method::of::<iam::GetIamPolicyRequest, iam::Policy>(
        "GetIamPolicy",
        Verb::POST,
        ("resource", REGISTRY_OR_GROUP, ":getIamPolicy"),
        Body::Rest,
    ),
    Method::of::<iam::TestIamPermissionsRequest, iam::TestIamPermissionsResponse>(
        "TestIamPermissions",
        Verb::POST,
        ("resource", REGISTRY_OR_GROUP, ":testIamPermissions"),
        Body::Rest,
    ),
    Method::of::<pb::SendCommandToDeviceRequest, pb::SendCommandToDeviceResponse>(
        "SendCommandToDevice",
        Verb::POST,
        ("name", DEVICE_OR_MEMBER, ":sendCommandToDevice"),
        Body::Rest,
    ),
    Method::of::<pb::BindDeviceToGatewayRequest, pb::BindDeviceToGatewayResponse>(
        "BindDeviceToGateway",
        Verb::POST,
        ("parent", REGISTRY_OR_GROUP, ":bindDeviceToGateway"),
        Body::Rest,
    ),
    Method::of::<pb::UnbindDeviceFromGatewayRequest, pb::UnbindDeviceFromGatewayResponse>(
        "UnbindDeviceFromGateway",
        Verb::POST,
        ("parent", REGISTRY_OR_GROUP, ":unbindDeviceFromGateway"),
        Body::Rest,
    ),
];
