//! Reading devices, as much of them as a mask asks for.

use domain::device::Device;
use domain::{DomainError, config};
use protocol::DeviceName;

use crate::convert::device::{Beside, to_pb};
use crate::mask::Mask;
use crate::{Deps, pb};

/// What a read may name.
pub(crate) const FIELDS: [&str; 30] = [
    "id",
    "name",
    "num_id",
    "credentials",
    "last_heartbeat_time",
    "last_event_time",
    "last_state_time",
    "last_config_ack_time",
    "last_config_send_time",
    "last_error_time",
    "last_error_status",
    "last_error_status.code",
    "last_error_status.message",
    "blocked",
    "config",
    "config.version",
    "config.cloud_update_time",
    "config.device_ack_time",
    "config.binary_data",
    "state",
    "state.update_time",
    "state.binary_data",
    "log_level",
    "metadata",
    "gateway_config",
    "gateway_config.gateway_type",
    "gateway_config.gateway_auth_method",
    "gateway_config.last_accessed_gateway_id",
    "gateway_config.last_accessed_gateway_time",
    "service_accounts",
];

/// Fields that stand in the status record.
const STATUS_FIELDS: [&str; 9] = [
    "last_heartbeat_time",
    "last_event_time",
    "last_state_time",
    "last_config_ack_time",
    "last_config_send_time",
    "last_error_time",
    "last_error_status",
    "gateway_config.last_accessed_gateway_id",
    "gateway_config.last_accessed_gateway_time",
];

/// The fields of `mask` of one device.
pub(crate) async fn get(deps: &Deps, name: &DeviceName, mask: &Mask) -> Result<pb::Device, DomainError> {
    let device = super::find(deps, name).await?.value;
    let mut answer = view(deps, &device, mask).await?;
    mask.keep("id", &mut answer.id);
    mask.keep("name", &mut answer.name);
    mask.keep("num_id", &mut answer.num_id);
    Ok(answer)
}

/// The fields of `mask`, and always id, name and number. Reads only the records that the mask touches.
pub(crate) async fn view(deps: &Deps, device: &Device, mask: &Mask) -> Result<pb::Device, DomainError> {
    let (stores, key) = (&deps.stores, device.key.to_string());
    let mut beside = Beside::default();
    if mask.touches("config") {
        beside.config = config::latest(stores, &device.key).await?;
    }
    if mask.touches("state") {
        beside.state = stores.states.get(&key).await?.and_then(|h| h.value.states.into_iter().next());
    }
    if STATUS_FIELDS.iter().any(|f| mask.touches(f)) {
        beside.status = stores.statuses.get(&key).await?.map(|s| s.value).unwrap_or_default();
    }
    let mut answer = to_pb(device, &beside);
    prune(&mut answer, mask);
    Ok(answer)
}

fn prune(d: &mut pb::Device, mask: &Mask) {
    mask.keep("credentials", &mut d.credentials);
    mask.keep("last_heartbeat_time", &mut d.last_heartbeat_time);
    mask.keep("last_event_time", &mut d.last_event_time);
    mask.keep("last_state_time", &mut d.last_state_time);
    mask.keep("last_config_ack_time", &mut d.last_config_ack_time);
    mask.keep("last_config_send_time", &mut d.last_config_send_time);
    mask.keep("last_error_time", &mut d.last_error_time);
    mask.keep("blocked", &mut d.blocked);
    mask.keep("log_level", &mut d.log_level);
    mask.keep("metadata", &mut d.metadata);
    mask.keep("service_accounts", &mut d.service_accounts);
    within(&mut d.last_error_status, "last_error_status", mask, |status| {
        mask.keep("last_error_status.code", &mut status.code);
        mask.keep("last_error_status.message", &mut status.message);
    });
    within(&mut d.config, "config", mask, |config| {
        mask.keep("config.version", &mut config.version);
        mask.keep("config.cloud_update_time", &mut config.cloud_update_time);
        mask.keep("config.device_ack_time", &mut config.device_ack_time);
        mask.keep("config.binary_data", &mut config.binary_data);
    });
    within(&mut d.state, "state", mask, |state| {
        mask.keep("state.update_time", &mut state.update_time);
        mask.keep("state.binary_data", &mut state.binary_data);
    });
    within(&mut d.gateway_config, "gateway_config", mask, |gateway| {
        mask.keep("gateway_config.gateway_type", &mut gateway.gateway_type);
        mask.keep("gateway_config.gateway_auth_method", &mut gateway.gateway_auth_method);
        mask.keep("gateway_config.last_accessed_gateway_id", &mut gateway.last_accessed_gateway_id);
        mask.keep("gateway_config.last_accessed_gateway_time", &mut gateway.last_accessed_gateway_time);
    });
}

/// Prunes a message inside; drops it when the mask does not touch it.
fn within<T>(message: &mut Option<T>, path: &str, mask: &Mask, prune: impl FnOnce(&mut T)) {
    match message {
        Some(inside) if mask.touches(path) => prune(inside),
        _ => *message = None,
    }
}
