//! What a gateway must show to speak for a device.

use protocol::{DeviceName, DeviceRef};

use super::is_bound;
use crate::device::{self, Device, GatewayAuthMethod, GatewayType};
use crate::identity::UnverifiedJwt;
use crate::ports::Stores;
use crate::{DomainError, Refusal, Timestamp};

/// What each method asks for: a binding, and the device's own JWT. `None` of one that lets nobody in: Google,
/// `GatewayAuthMethod`, "no devices are allowed to access the gateway".
fn asks(method: GatewayAuthMethod) -> Option<(bool, bool)> {
    match method {
        GatewayAuthMethod::Unspecified => None,
        GatewayAuthMethod::AssociationOnly => Some((true, false)),
        GatewayAuthMethod::DeviceAuthTokenOnly => Some((false, true)),
        GatewayAuthMethod::AssociationAndDeviceAuthToken => Some((true, true)),
    }
}

/// Lets `gateway`, whose record was just read, speak for `device` of its registry. Answers the device's record. `token`
/// is the device's JWT; a method that does not ask for one does not look at it. One read, one more of a device that is
/// named by its number, one more for a binding.
///
/// # Errors
/// [`DomainError::Refused`], [`DomainError::Precondition`] and [`DomainError::NotFound`] say why not.
pub async fn admit(
    stores: &Stores,
    gateway: &Device,
    device: &DeviceRef,
    token: Option<&str>,
    now: Timestamp,
) -> Result<Device, DomainError> {
    let refused = |text: String| Err(DomainError::Precondition(text));
    let gateway_id = &gateway.key.id;
    if gateway.gateway.kind != GatewayType::Gateway {
        return refused(format!("device `{gateway_id}` is not a gateway"));
    }
    let Some((binding, jwt)) = asks(gateway.gateway.auth_method) else {
        return refused(format!("gateway `{gateway_id}` has no gatewayAuthMethod, so no device may be attached to it"));
    };
    let name = DeviceName { registry: gateway.key.registry.clone(), device: device.clone() };
    let mut found = device::find(stores, &name).await?.map(|d| d.value);
    if jwt {
        let Some(token) = token.filter(|t| !t.is_empty()) else {
            return refused(format!(
                "gateway `{gateway_id}` needs the JWT of device `{device}`: attach with {{\"authorization\": \"JWT\"}}"
            ));
        };
        let verified = UnverifiedJwt::parse(token)?.verify(&name.registry.project, found, now)?;
        found = Some(verified.device().clone());
    }
    let found = found.ok_or_else(|| DomainError::NotFound(format!("device `{device}`")))?;
    if found.blocked {
        return Err(Refusal::Blocked.into());
    }
    if found.gateway.kind == GatewayType::Gateway {
        return refused(format!("device `{}` is a gateway: it speaks for itself", found.key.id));
    }
    if binding && !is_bound(stores, gateway, &found).await? {
        return refused(format!("device `{}` is not bound to gateway `{gateway_id}`", found.key.id));
    }
    Ok(found)
}
