//! `gatewayInfo`: a request that comes through a gateway, as Cloud IoT Core's HTTP bridge had it. The device must be bound to the
//! gateway, whoever of the two proves itself:
//!
//! | who is in the URL, and whose token | `gatewayInfo` names | it must be allowed by the gateway's `gatewayAuthMethod` |
//! | --- | --- | --- |
//! | the gateway | the device, `delegatedDeviceId` | without a token of the device: `ASSOCIATION_ONLY` |
//! | the device | the gateway, `gatewayId` | any |

use std::sync::Arc;

use domain::gateway::attach::admit;
use domain::gateway::is_bound;
use domain::{Device, DomainError, Refusal, Registry, device};
use edge::{ApiError, Query};
use protocol::{DeviceName, DeviceRef};
use serde::Deserialize;

use crate::{FanOut, Speaker};

/// A union: one of the two. Both may be an id or a number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GatewayInfo {
    /// The gateway that the device comes through.
    #[serde(alias = "gateway_id")]
    gateway_id: String,
    /// The device that the gateway speaks for.
    #[serde(alias = "delegated_device_id")]
    delegated_device_id: String,
}

impl GatewayInfo {
    /// As the query of a GET has it.
    pub(super) fn of_query(query: &Query) -> Option<Self> {
        let text = |name: &str| query.text(&format!("gatewayInfo.{name}")).unwrap_or_default().to_owned();
        query.has_prefix("gatewayInfo").then(|| Self { gateway_id: text("gatewayId"), delegated_device_id: text("delegatedDeviceId") })
    }

    /// Who speaks through the gateway. `caller` has proved itself by `token`. Two to four reads.
    pub(super) async fn speaker(
        &self,
        deps: &FanOut,
        caller: &Device,
        registry: Arc<Registry>,
        token: &str,
    ) -> Result<Speaker, DomainError> {
        let (gateway, device) = match (self.gateway_id.as_str(), self.delegated_device_id.as_str()) {
            ("", "") => return Err(invalid("", "it names neither `gatewayId` nor `delegatedDeviceId`")),
            ("", delegated) => {
                let device = named(delegated, "delegated_device_id")?;
                (caller.clone(), allowed(deps, caller, &device, None).await?)
            }
            (gateway, "") => {
                let gateway = find(deps, caller, &named(gateway, "gateway_id")?).await?;
                let device = allowed(deps, &gateway, &DeviceRef::Id(caller.key.id.clone()), Some(token)).await?;
                (gateway, device)
            }
            _ => return Err(invalid("", "it names both `gatewayId` and `delegatedDeviceId`: send the one that is not in the URL")),
        };
        deps.statuses.came_through(&device.key, &gateway.key.id).await?;
        Ok(Speaker::new(&device, registry, Some(gateway.key.id.as_str())))
    }
}

fn invalid(field: &str, text: &str) -> DomainError {
    let field = if field.is_empty() { "gateway_info".to_owned() } else { format!("gateway_info.{field}") };
    DomainError::invalid(field, format!("gatewayInfo: {text}"))
}

fn named(text: &str, field: &str) -> Result<DeviceRef, DomainError> {
    text.parse().map_err(|e: protocol::NameError| invalid(field, &e.to_string()))
}

/// The gateway that a device names, of its own registry.
async fn find(deps: &FanOut, caller: &Device, gateway: &DeviceRef) -> Result<Device, DomainError> {
    let name = DeviceName { registry: caller.key.registry.clone(), device: gateway.clone() };
    let found = device::find(&deps.stores, &name).await?.map(|found| found.value);
    found.filter(|gateway| !gateway.blocked).ok_or_else(|| DomainError::NotFound(format!("gateway `{gateway}`")))
}

/// The device, when the gateway may speak for it over HTTP.
async fn allowed(deps: &FanOut, gateway: &Device, device: &DeviceRef, token: Option<&str>) -> Result<Device, DomainError> {
    use domain::device::GatewayAuthMethod as Method;
    let id = &gateway.key.id;
    if token.is_none() && matches!(gateway.gateway.auth_method, Method::DeviceAuthTokenOnly | Method::AssociationAndDeviceAuthToken) {
        let text = format!("gateway `{id}` needs the JWT of device `{device}`: ask as the device, and name the gateway by `gatewayId`");
        return Err(DomainError::Precondition(text));
    }
    let device = admit(&deps.stores, gateway, device, token, deps.clock.now()).await?;
    // Over MQTT a device's own token is enough where the method says so; the HTTP bridge asked for the binding always.
    if gateway.gateway.auth_method == Method::DeviceAuthTokenOnly && !is_bound(&deps.stores, gateway, &device).await? {
        let text = format!("device `{}` is not bound to gateway `{id}`: over HTTP it must be", device.key.id);
        return Err(DomainError::Precondition(text));
    }
    Ok(device)
}

/// What is told of a request through a gateway that is not let in. A refusal of the other device's is no refusal of who asks.
pub(super) fn refused(e: DomainError) -> ApiError {
    match e {
        DomainError::Refused(Refusal::Blocked) => DomainError::Precondition("the device is blocked".into()).into(),
        e => e.into(),
    }
}
