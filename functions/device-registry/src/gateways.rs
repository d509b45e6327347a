//! Binding devices to gateways.

use domain::device::Device;
use domain::{DomainError, gateway};
use protocol::{DeviceName, DeviceRef, RegistryName};

use crate::Deps;
use crate::convert::bad_name;
use crate::devices::find;

/// The two that a call names, by id or number.
pub(crate) struct Pair {
    gateway: DeviceName,
    device: DeviceName,
}

impl Pair {
    /// Reads the two ids of a body.
    pub(crate) fn read(registry: &RegistryName, gateway: &str, device: &str) -> Result<Self, DomainError> {
        let named = |field: &str, text: &str| {
            let device: DeviceRef = text.parse().map_err(bad_name(field))?;
            Ok::<_, DomainError>(DeviceName { registry: registry.clone(), device })
        };
        Ok(Self { gateway: named("gateway_id", gateway)?, device: named("device_id", device)? })
    }

    async fn find(&self, deps: &Deps) -> Result<(Device, Device), DomainError> {
        let gateway = find(deps, &self.gateway).await?.value;
        Ok((gateway, find(deps, &self.device).await?.value))
    }
}

/// Binds. Bound already is bound.
///
/// Either may be deleted or change its type between the look and the writes. So both sides look again after they have
/// written: we take the binding back, `devices::delete` removes what has appeared.
pub(crate) async fn bind(deps: &Deps, pair: &Pair) -> Result<(), DomainError> {
    let (gateway, device) = pair.find(deps).await?;
    gateway::bind(&deps.stores, &gateway, &device, deps.now()).await?;
    let again = pair.find(deps).await;
    let same = again.as_ref().is_ok_and(|(g, d)| {
        (g.num_id, d.num_id, g.gateway.kind, d.gateway.kind) == (gateway.num_id, device.num_id, gateway.gateway.kind, device.gateway.kind)
    });
    if !same {
        gateway::unbind(&deps.stores, &gateway, &device).await?;
        again?;
        let text = format!("device `{}` or `{}` was changed while the two were bound: try again", gateway.key.id, device.key.id);
        return Err(DomainError::Conflict(text));
    }
    edge::hint(&*deps.commands, &device.key).await;
    Ok(())
}

/// Unbinds. A gateway's session that speaks for the device by this binding is told, and stops.
pub(crate) async fn unbind(deps: &Deps, pair: &Pair) -> Result<(), DomainError> {
    let (gateway, device) = pair.find(deps).await?;
    gateway::unbind(&deps.stores, &gateway, &device).await?;
    edge::hint(&*deps.commands, &device.key).await;
    Ok(())
}

/// Refuses what may not be done to a device that is bound, or to a gateway that devices are bound to.
pub(crate) async fn refuse_bound(deps: &Deps, device: &Device, what: &str) -> Result<(), DomainError> {
    let id = &device.key.id;
    let text = match gateway::any_of(&deps.stores, device).await? {
        None => return Ok(()),
        Some(binding) if binding.gateway_num == device.num_id => {
            format!("gateway `{id}` cannot be {what}: devices are bound to it, `{}` for one; unbind them first", binding.device)
        }
        Some(binding) => format!("device `{id}` cannot be {what}: it is bound to gateway `{}`; unbind it first", binding.gateway),
    };
    Err(DomainError::Precondition(text))
}
