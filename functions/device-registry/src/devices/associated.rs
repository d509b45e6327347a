//! Listing by bindings: the devices of a gateway, and the gateways of a device.

use domain::device::Device;
use domain::gateway::{devices_of, gateways_of};
use domain::{DomainError, PortError};
use edge::PageRequest;
use futures_util::future::try_join_all;
use protocol::{DeviceName, DeviceRef, RegistryName};

use super::list::{Filter, Found, passes};
use crate::Deps;

/// Whose bindings are asked for, by id or number.
#[derive(Debug, Clone)]
pub(crate) enum Association {
    /// The devices of this gateway.
    OfGateway(DeviceRef),
    /// The gateways of this device.
    OfDevice(DeviceRef),
}

/// Walks the bindings, which stand in the order of the ids, until the page is full.
pub(super) async fn associated(
    deps: &Deps,
    registry: &RegistryName,
    whose: &Association,
    filter: &Filter,
    page: &PageRequest,
) -> Result<Found, DomainError> {
    let (Association::OfGateway(named) | Association::OfDevice(named)) = whose;
    let center = super::find(deps, &DeviceName { registry: registry.clone(), device: named.clone() }).await?.value;
    let of_gateway = matches!(whose, Association::OfGateway(_));
    let prefix = if of_gateway { devices_of(registry, &center.key.id) } else { gateways_of(registry, &center.key.id) };
    let parent = super::parent(registry);
    let mut after = page.after.as_ref().map(|key| format!("{prefix}{}", key.strip_prefix(&parent).unwrap_or(key)));
    let mut found = Vec::new();
    loop {
        let read = deps.stores.bindings.list(&prefix, after.as_deref(), page.size - found.len()).await?;
        let keys = read.items.iter().map(|(key, _)| format!("{parent}{}", key.strip_prefix(&prefix).unwrap_or(key)));
        let devices = try_join_all(keys.map(|key| async move { deps.stores.devices.get(&key).await })).await?;
        for ((_, entry), device) in read.items.iter().zip(devices) {
            let Some(device) = device.map(|d| d.value) else { continue };
            let (gateway, bound) = if of_gateway { (&center, &device) } else { (&device, &center) };
            if entry.value.is_of(gateway, bound) && passes(&device, filter) && is_bound(deps, of_gateway, gateway, bound).await? {
                found.push(device);
            }
        }
        let Some(next) = read.next else { return Ok((found, None)) };
        if found.len() == page.size {
            return Ok((found, Some(format!("{parent}{}", next.strip_prefix(&prefix).unwrap_or(&next)))));
        }
        after = Some(next);
    }
}

/// Below a gateway stands the binding itself; below a device its index, which may have outlived it.
async fn is_bound(deps: &Deps, of_gateway: bool, gateway: &Device, device: &Device) -> Result<bool, PortError> {
    Ok(of_gateway || domain::gateway::is_bound(&deps.stores, gateway, device).await?)
}
