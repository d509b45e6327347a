//! Changing a device.

use domain::device::{Device, GatewayType};
use domain::ports::{Expect, Versioned, Written};
use domain::{DomainError, Registry};
use protocol::DeviceName;

use super::check_added;
use crate::convert::{credential, device as convert, enums};
use crate::mask::Mask;
use crate::{Deps, gateways, pb, policies, registries};

/// What an update may name.
pub(crate) const MUTABLE: [&str; 8] = [
    "credentials",
    "blocked",
    "metadata",
    "log_level",
    "gateway_config",
    "gateway_config.gateway_type",
    "gateway_config.gateway_auth_method",
    "service_accounts",
];

/// Changes the fields of `mask` to what `sent` says. Reads and writes until nobody comes between; then tells the
/// device's live session, which closes itself when the device is blocked or its key is gone.
pub(crate) async fn update(deps: &Deps, name: &DeviceName, sent: &pb::Device, mask: &Mask) -> Result<Device, DomainError> {
    loop {
        let Versioned { value: old, version } = super::find(deps, name).await?;
        let mut new = old.clone();
        apply(&mut new, sent, mask)?;
        new.validate()?;
        if new.credentials != old.credentials {
            let registry: Registry = registries::get(deps, &name.registry).await?.value;
            check_added(&new.credentials, &old.credentials, &registry, deps.now())?;
        }
        let is_gateway = |device: &Device| device.gateway.kind == GatewayType::Gateway;
        if is_gateway(&new) != is_gateway(&old) {
            gateways::refuse_bound(deps, &old, "given another gatewayType").await?;
            // Of one that becomes a gateway: its group is made anew, whatever is left of an older one.
            policies::forget_group(deps, &new).await?;
        }
        let put = deps.stores.devices.put(&new.key.to_string(), &new, Expect::Version(version)).await?;
        if let Written::Stored(_) = put {
            edge::hint(&*deps.commands, &new.key).await;
            if is_gateway(&new) != is_gateway(&old) {
                policies::forget_group(deps, &old).await?;
            }
            return Ok(new);
        }
    }
}

fn apply(device: &mut Device, sent: &pb::Device, mask: &Mask) -> Result<(), DomainError> {
    if mask.touches("credentials") {
        device.credentials = credential::device(&sent.credentials)?;
    }
    if mask.touches("blocked") {
        device.blocked = sent.blocked;
    }
    if mask.touches("metadata") {
        device.metadata.clone_from(&sent.metadata);
    }
    if mask.touches("log_level") {
        device.log_level = enums::log_level(sent.log_level)?;
    }
    if mask.touches("service_accounts") {
        device.service_accounts = credential::accounts(&sent.service_accounts)?;
    }
    if mask.touches("gateway_config") {
        let gateway = convert::gateway(sent.gateway_config.as_ref())?;
        if mask.covers("gateway_config.gateway_type") {
            device.gateway.kind = gateway.kind;
        }
        if mask.covers("gateway_config.gateway_auth_method") {
            device.gateway.auth_method = gateway.auth_method;
        }
    }
    Ok(())
}
