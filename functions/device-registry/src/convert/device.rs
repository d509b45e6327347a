//! Devices, their configurations and states.

use domain::config::DeviceConfig;
use domain::device::{Device, GatewaySettings};
use domain::state::DeviceState;
use domain::status::DeviceStatus;
use domain::{DomainError, Timestamp};

use super::{credential, enums};
use crate::pb;

/// What is told of a device beside its record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// The newest configuration.
    pub(crate) config: Option<DeviceConfig>,
    /// The newest state.
    pub(crate) state: Option<DeviceState>,
    /// Last-seen times and the last error.
    pub(crate) status: DeviceStatus,
}

pub(crate) fn gateway(sent: Option<&pb::GatewayConfig>) -> Result<GatewaySettings, DomainError> {
    let Some(sent) = sent else { return Ok(GatewaySettings::default()) };
    Ok(GatewaySettings { kind: enums::gateway_type(sent.gateway_type)?, auth_method: enums::auth_method(sent.gateway_auth_method)? })
}

/// A configuration as it is answered.
pub(crate) fn config_to_pb(config: &DeviceConfig) -> pb::DeviceConfig {
    pb::DeviceConfig {
        version: i64::try_from(config.version).unwrap_or(i64::MAX),
        cloud_update_time: Some(config.cloud_update_time.into()),
        device_ack_time: config.device_ack_time.map(Into::into),
        binary_data: config.data.clone(),
    }
}

/// A state as it is answered.
pub(crate) fn state_to_pb(state: &DeviceState) -> pb::DeviceState {
    pb::DeviceState { update_time: Some(state.update_time.into()), binary_data: state.data.clone() }
}

/// A device as it is answered: the name ends in the number; `gateway_config` is always there.
pub(crate) fn to_pb(device: &Device, beside: &Beside) -> pb::Device {
    let time = |t: Option<Timestamp>| t.map(Into::into);
    let status = &beside.status;
    pb::Device {
        id: device.key.id.to_string(),
        name: format!("{}/devices/{}", device.key.registry, device.num_id),
        num_id: device.num_id,
        credentials: device.credentials.iter().map(credential::to_device).collect(),
        last_heartbeat_time: time(status.last_heartbeat),
        last_event_time: time(status.last_event),
        last_state_time: time(status.last_state),
        last_config_ack_time: time(status.last_config_ack),
        last_config_send_time: time(status.last_config_send),
        blocked: device.blocked,
        last_error_time: time(status.last_error_time),
        last_error_status: status.last_error.as_ref().map(|e| pb::google::rpc::Status {
            code: e.code,
            message: e.message.clone(),
            details: Vec::new(),
        }),
        config: beside.config.as_ref().map(config_to_pb),
        state: beside.state.as_ref().map(state_to_pb),
        log_level: enums::log_level_number(device.log_level),
        metadata: device.metadata.clone(),
        gateway_config: Some(pb::GatewayConfig {
            gateway_type: enums::gateway_type_number(device.gateway.kind),
            gateway_auth_method: enums::auth_method_number(device.gateway.auth_method),
            last_accessed_gateway_id: status.last_gateway.as_ref().map(ToString::to_string).unwrap_or_default(),
            last_accessed_gateway_time: time(status.last_gateway_time),
        }),
        service_accounts: device.service_accounts.iter().map(ToString::to_string).collect(),
    }
}
