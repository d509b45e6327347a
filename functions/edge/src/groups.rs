//! Groups of devices: `…/registries/{registry}/groups/{group}`. A group is a gateway with the devices bound to it; its name
//! is the gateway's id or number (docs/adr/0018). So the methods below a group are those of the registry, behind one guard.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use domain::device::{self, Device, GatewayType};
use domain::gateway::is_bound;
use domain::ports::Stores;
use futures_util::future::try_join;
use protocol::{DeviceName, DeviceRef};

use crate::{ApiError, PathParams};

/// The group that a request was let into; stands in its extensions.
#[derive(Debug, Clone)]
pub struct Group(Device);

impl Group {
    /// The gateway that the group is.
    pub fn gateway(&self) -> DeviceRef {
        DeviceRef::Id(self.0.key.id.clone())
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.0.num_id
    }

    /// INVALID_ARGUMENT when `gateway_id`, an id or a number, is not the group's gateway.
    pub fn check(&self, gateway_id: &str) -> Result<(), ApiError> {
        let ours = match gateway_id.parse() {
            Ok(DeviceRef::Id(id)) => id == self.0.key.id,
            Ok(DeviceRef::NumId(number)) => number == self.0.num_id,
            Err(_) => false,
        };
        let refused = || {
            let text = format!("gateway_id `{}` is not the gateway of this group, `{}`", shown(gateway_id), self.0.key.id);
            ApiError::invalid("gateway_id", text)
        };
        ours.then_some(()).ok_or_else(refused)
    }
}

/// `routes` below `{group}`: behind a guard that hands them the [`Group`]. NOT_FOUND when the group is no gateway of the registry,
/// and when the path has a `{device}` that is not bound to it. Three reads, four with a device by number.
pub fn in_group<S: Clone + Send + Sync + 'static>(routes: Router<S>, stores: Stores) -> Router<S> {
    routes.route_layer(from_fn_with_state(stores, admit))
}

async fn admit(State(stores): State<Stores>, path: PathParams, mut request: Request, next: Next) -> Result<Response, ApiError> {
    request.extensions_mut().insert(find(&stores, &path).await?);
    Ok(next.run(request).await)
}

async fn find(stores: &Stores, path: &PathParams) -> Result<Group, ApiError> {
    let (registry, group) = (path.registry()?, path.text("group"));
    let name = format!("{registry}/groups/{}", shown(group));
    let no_gateway = || {
        let says = format!(": a group is a gateway with the devices bound to it, and `{}` is no gateway of this registry", shown(group));
        ApiError::not_found(format!("group `{name}`")).and_say(says)
    };
    let gateway = DeviceName { registry, device: group.parse().map_err(|_| no_gateway())? };
    let device = (!path.text("device").is_empty()).then(|| path.device()).transpose()?;
    let member = async {
        match &device {
            Some(name) => device::find(stores, name).await,
            None => Ok(None),
        }
    };
    let (gateway, member) = try_join(device::find(stores, &gateway), member).await?;
    let gateway = gateway.map(|g| g.value).filter(|g| g.gateway.kind == GatewayType::Gateway).ok_or_else(no_gateway)?;
    let Some(device) = device else { return Ok(Group(gateway)) };
    let bound = match member {
        Some(member) => is_bound(stores, &gateway, &member.value).await?,
        None => false,
    };
    let refused = || {
        let says = format!(": no device `{}` is bound to gateway `{}`", device.device, gateway.key.id);
        ApiError::not_found(format!("device `{name}/devices/{}`", device.device)).and_say(says)
    };
    if bound { Ok(Group(gateway)) } else { Err(refused()) }
}

/// A name that may be anything, as far as it is shown.
fn shown(text: &str) -> String {
    text.chars().take(255).flat_map(char::escape_debug).collect()
}
