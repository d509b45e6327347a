//! Listing devices, by id.

use std::collections::BTreeSet;
use std::fmt;

use domain::device::{Device, DeviceKey, GatewayType};
use domain::{DomainError, PortError};
use edge::PageRequest;
use futures_util::future::try_join_all;
use protocol::{DeviceId, RegistryName};

use super::associated::{Association, associated};
use super::get::view;
use crate::mask::Mask;
use crate::{Deps, pb};

/// Which devices are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Those of these ids, or of `num_ids`; both empty: all. Ids that no device has are passed over.
    pub(crate) ids: Vec<DeviceId>,
    /// Those of these numbers, or of `ids`.
    pub(crate) num_ids: Vec<u64>,
    /// Gateways or others; unspecified: all.
    pub(crate) gateway_type: GatewayType,
    /// Those that are bound to each other; absent: all.
    pub(crate) association: Option<Association>,
}

/// The same text for the same filter, in whichever order its ids come: page tokens are of one filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ids, num_ids, gateway_type, association } = self;
        let kind = match gateway_type {
            GatewayType::Unspecified => "",
            GatewayType::Gateway => "gateway",
            GatewayType::NonGateway => "non-gateway",
        };
        write!(f, "{kind} ")?;
        match association {
            None => {}
            Some(Association::OfGateway(gateway)) => write!(f, "of-gateway {gateway}")?,
            Some(Association::OfDevice(device)) => write!(f, "of-device {device}")?,
        }
        // No id has a blank.
        ids.iter().collect::<BTreeSet<_>>().into_iter().try_for_each(|id| write!(f, " {id}"))?;
        f.write_str(";")?;
        num_ids.iter().collect::<BTreeSet<_>>().into_iter().try_for_each(|number| write!(f, " {number}"))
    }
}

/// One page of devices.
pub(crate) struct Listed {
    /// The rows.
    pub(crate) devices: Vec<pb::Device>,
    /// The key that the next page comes after, if there is one.
    pub(crate) next: Option<String>,
}

/// One page of the registry's devices that pass `filter`, with the fields of `mask` and always id, name and number.
/// Without a mask a row has the gateway settings beside these, as Cloud IoT Core's rows had.
pub(crate) async fn list(
    deps: &Deps,
    registry: &RegistryName,
    filter: &Filter,
    page: &PageRequest,
    mask: &Mask,
) -> Result<Listed, DomainError> {
    crate::registries::get(deps, registry).await?;
    let (found, next) = if let Some(whose) = &filter.association {
        associated(deps, registry, whose, filter, page).await?
    } else if filter.ids.is_empty() && filter.num_ids.is_empty() {
        scan(deps, registry, filter, page).await?
    } else {
        named(deps, registry, filter, page).await?
    };
    let rows = found.iter().map(|device| row(deps, device, mask));
    Ok(Listed { devices: try_join_all(rows).await?, next })
}

async fn row(deps: &Deps, device: &Device, mask: &Mask) -> Result<pb::Device, DomainError> {
    if !mask.is_everything() {
        return view(deps, device, mask).await;
    }
    let full = crate::convert::device::to_pb(device, &Default::default());
    Ok(pb::Device { id: full.id, name: full.name, num_id: full.num_id, gateway_config: full.gateway_config, ..Default::default() })
}

pub(super) type Found = (Vec<Device>, Option<String>);

/// Walks the registry until the page is full.
async fn scan(deps: &Deps, registry: &RegistryName, filter: &Filter, page: &PageRequest) -> Result<Found, PortError> {
    let parent = super::parent(registry);
    let (mut found, mut after) = (Vec::new(), page.after.clone());
    loop {
        let read = deps.stores.devices.list(&parent, after.as_deref(), page.size).await?;
        let mut items = read.items.into_iter().peekable();
        while let Some((key, device)) = items.next() {
            if passes(&device.value, filter) {
                found.push(device.value);
            }
            if found.len() == page.size {
                let more = items.peek().is_some() || read.next.is_some();
                return Ok((found, more.then_some(key)));
            }
        }
        match read.next {
            Some(next) => after = Some(next),
            None => return Ok((found, None)),
        }
    }
}

/// Whether the type fits, and the device is one of those that are named, if any are.
pub(super) fn passes(device: &Device, filter: &Filter) -> bool {
    let all = filter.ids.is_empty() && filter.num_ids.is_empty();
    let kind = match filter.gateway_type {
        GatewayType::Unspecified => true,
        GatewayType::Gateway => device.gateway.kind == GatewayType::Gateway,
        GatewayType::NonGateway => device.gateway.kind != GatewayType::Gateway,
    };
    kind && (all || is_named(device, filter))
}

/// Reads the devices that are named, in the order of their keys.
async fn named(deps: &Deps, registry: &RegistryName, filter: &Filter, page: &PageRequest) -> Result<Found, PortError> {
    let key = |id: &DeviceId| DeviceKey { registry: registry.clone(), id: id.clone() }.to_string();
    let mut keys: BTreeSet<String> = filter.ids.iter().map(key).collect();
    for number in &filter.num_ids {
        let found = deps.stores.device_numbers.get(&number.to_string()).await?;
        keys.extend(found.filter(|f| f.value.registry == *registry).map(|f| f.value.to_string()));
    }
    let mut keys = keys.into_iter().filter(|k| page.after.as_ref().is_none_or(|after| k > after)).peekable();
    let mut found = Vec::new();
    while let Some(key) = keys.next() {
        let device = deps.stores.devices.get(&key).await?.map(|d| d.value);
        found.extend(device.filter(|d| passes(d, filter)));
        if found.len() == page.size {
            return Ok((found, keys.peek().is_some().then_some(key)));
        }
    }
    Ok((found, None))
}

/// A number may have outlived its device; the device has the last word.
fn is_named(device: &Device, filter: &Filter) -> bool {
    filter.ids.contains(&device.key.id) || filter.num_ids.contains(&device.num_id)
}
