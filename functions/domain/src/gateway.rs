//! Which devices a gateway may speak for: bindings, and what a gateway must show to attach a device ([`attach`]).
//!
//! A binding is two records with the same content, so that both questions are one short listing: `{registry}/devices/{device}/
//! gateways/{gateway}` is the index, `{registry}/gateways/{gateway}/devices/{device}` the binding itself. The index is
//! written first and removed last, so what is cut off half-way leaves at most an index entry, which binds nobody. Both
//! carry the numbers of the two: a device that was deleted and created anew under its id is bound to nothing.

pub mod attach;

use protocol::limits::{MAX_BOUND_DEVICES, MAX_GATEWAYS_OF_DEVICE};
use protocol::{DeviceId, RegistryName};
use serde::{Deserialize, Serialize};

use crate::device::{Device, GatewayType};
use crate::ports::{Expect, Stores, Versioned, Written};
use crate::{DomainError, PortError, Timestamp};

/// A device that a gateway of the same registry may speak for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The gateway.
    pub gateway: DeviceId,
    /// Its number.
    pub gateway_num: u64,
    /// The device.
    pub device: DeviceId,
    /// Its number.
    pub device_num: u64,
    /// Since when.
    pub bound_at: Timestamp,
}

impl Binding {
    fn of(gateway: &Device, device: &Device, bound_at: Timestamp) -> Self {
        Self {
            gateway: gateway.key.id.clone(),
            gateway_num: gateway.num_id,
            device: device.key.id.clone(),
            device_num: device.num_id,
            bound_at,
        }
    }

    /// Whether it is of these two, and not of older ones of the same ids.
    pub fn is_of(&self, gateway: &Device, device: &Device) -> bool {
        (self.gateway_num, self.device_num) == (gateway.num_id, device.num_id)
    }
}

/// What the keys of all devices bound to a gateway start with; the device's id follows.
pub fn devices_of(registry: &RegistryName, gateway: &DeviceId) -> String {
    format!("{registry}/gateways/{gateway}/devices/")
}

/// What the keys of all gateways of a device start with; the gateway's id follows.
pub fn gateways_of(registry: &RegistryName, device: &DeviceId) -> String {
    format!("{registry}/devices/{device}/gateways/")
}

fn binding_key(gateway: &Device, device: &Device) -> String {
    format!("{}{}", devices_of(&gateway.key.registry, &gateway.key.id), device.key.id)
}

fn index_key(gateway: &Device, device: &Device) -> String {
    format!("{}{}", gateways_of(&device.key.registry, &device.key.id), gateway.key.id)
}

/// Whether `device` is bound to `gateway`. One read.
pub async fn is_bound(stores: &Stores, gateway: &Device, device: &Device) -> Result<bool, PortError> {
    let found = stores.bindings.get(&binding_key(gateway, device)).await?;
    Ok(gateway.key.registry == device.key.registry && found.is_some_and(|b| b.value.is_of(gateway, device)))
}

/// Binds `device` to `gateway`; both were just read. Bound already is bound. The two limits are looked at before the
/// writes, so bindings that are made at the same moment may exceed them by as many.
pub async fn bind(stores: &Stores, gateway: &Device, device: &Device, now: Timestamp) -> Result<(), DomainError> {
    check(gateway, device)?;
    if is_bound(stores, gateway, device).await? {
        return Ok(());
    }
    let (gateway_id, device_id) = (&gateway.key.id, &device.key.id);
    let gateways = stores.bindings.list(&gateways_of(&device.key.registry, device_id), None, MAX_GATEWAYS_OF_DEVICE + 1).await?;
    let others = gateways.items.iter().filter(|(_, b)| b.value.device_num == device.num_id && b.value.gateway != *gateway_id).count();
    if others >= MAX_GATEWAYS_OF_DEVICE {
        let text = format!("device `{device_id}` is bound to {others} gateways, the limit is {MAX_GATEWAYS_OF_DEVICE}");
        return Err(DomainError::Exhausted(text));
    }
    let devices = stores.bindings.list(&devices_of(&gateway.key.registry, gateway_id), None, MAX_BOUND_DEVICES).await?;
    if devices.items.len() >= MAX_BOUND_DEVICES {
        let text = format!("{MAX_BOUND_DEVICES} devices are bound to gateway `{gateway_id}`, the limit is {MAX_BOUND_DEVICES}");
        return Err(DomainError::Exhausted(text));
    }
    let binding = Binding::of(gateway, device, now);
    stores.bindings.put(&index_key(gateway, device), &binding, Expect::Anything).await?;
    stores.bindings.put(&binding_key(gateway, device), &binding, Expect::Anything).await?;
    Ok(())
}

fn check(gateway: &Device, device: &Device) -> Result<(), DomainError> {
    if gateway.gateway.kind != GatewayType::Gateway {
        let text = format!("device `{}` is not a gateway: its gatewayConfig.gatewayType is not GATEWAY", gateway.key.id);
        return Err(DomainError::Precondition(text));
    }
    if device.gateway.kind == GatewayType::Gateway {
        let text =
            format!("device `{}` is a gateway itself: only other devices can be bound to gateway `{}`", device.key.id, gateway.key.id);
        return Err(DomainError::Precondition(text));
    }
    Ok(())
}

/// Takes `device` from `gateway`; both were just read.
pub async fn unbind(stores: &Stores, gateway: &Device, device: &Device) -> Result<(), DomainError> {
    let found = stores.bindings.get(&binding_key(gateway, device)).await?;
    let Some(found) = found.filter(|b| b.value.is_of(gateway, device)) else {
        let text = format!("device `{}` is not bound to gateway `{}`", device.key.id, gateway.key.id);
        return Err(DomainError::Precondition(text));
    };
    Ok(remove(stores, &found, &binding_key(gateway, device), &index_key(gateway, device)).await?)
}

/// Removes the binding as it was read, then its index entry. A binding that was made again meanwhile keeps both.
async fn remove(stores: &Stores, found: &Versioned<Binding>, binding: &str, index: &str) -> Result<(), PortError> {
    if stores.bindings.delete(binding, Expect::Version(found.version)).await? == Written::Conflict {
        return Ok(());
    }
    stores.bindings.delete(index, Expect::Anything).await?;
    if let Some(again) = stores.bindings.get(binding).await? {
        stores.bindings.put(index, &again.value, Expect::Absent).await?;
    }
    Ok(())
}

/// One device that is bound to this gateway, if there is any; or one gateway that this device is bound to.
pub async fn any_of(stores: &Stores, device: &Device) -> Result<Option<Binding>, PortError> {
    let (registry, id) = (&device.key.registry, &device.key.id);
    // What an older device of this id left behind comes to light only past these; it is removed with the device.
    let bound = stores.bindings.list(&devices_of(registry, id), None, 10).await?;
    if let Some((_, found)) = bound.items.into_iter().find(|(_, b)| b.value.gateway_num == device.num_id) {
        return Ok(Some(found.value));
    }
    let gateways = stores.bindings.list(&gateways_of(registry, id), None, 2 * MAX_GATEWAYS_OF_DEVICE).await?;
    for (_, entry) in gateways.items.into_iter().filter(|(_, b)| b.value.device_num == device.num_id) {
        let key = format!("{}{id}", devices_of(registry, &entry.value.gateway));
        // An index entry alone binds nobody.
        if stores.bindings.get(&key).await?.is_some_and(|b| b.value.device_num == device.num_id) {
            return Ok(Some(entry.value));
        }
    }
    Ok(None)
}

/// Removes all bindings of a device that is no more, in either role: those that were made while it was deleted.
pub async fn forget(stores: &Stores, device: &Device) -> Result<(), PortError> {
    let (registry, id) = (&device.key.registry, &device.key.id);
    for prefix in [devices_of(registry, id), gateways_of(registry, id)] {
        loop {
            let page = stores.bindings.list(&prefix, None, 100).await?;
            for (_, found) in &page.items {
                let Binding { gateway, device, .. } = &found.value;
                stores.bindings.delete(&format!("{}{device}", devices_of(registry, gateway)), Expect::Anything).await?;
                stores.bindings.delete(&format!("{}{gateway}", gateways_of(registry, device)), Expect::Anything).await?;
            }
            if page.next.is_none() {
                break;
            }
        }
    }
    Ok(())
}
