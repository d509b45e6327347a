//! Enums, both ways. A number that the API does not define is refused.

use domain::DomainError;
use domain::device::{GatewayAuthMethod, GatewayType};
use domain::objects::Access;
use domain::registry::LogLevel;

use crate::pb;

fn unknown(field: &str, number: i32) -> DomainError {
    DomainError::invalid(field, format!("Invalid value at '{field}': {number} is no value of this enum"))
}

pub(crate) fn log_level(number: i32) -> Result<LogLevel, DomainError> {
    Ok(match pb::LogLevel::try_from(number).map_err(|_| unknown("log_level", number))? {
        pb::LogLevel::Unspecified => LogLevel::Unspecified,
        pb::LogLevel::None => LogLevel::None,
        pb::LogLevel::Error => LogLevel::Error,
        pb::LogLevel::Info => LogLevel::Info,
        pb::LogLevel::Debug => LogLevel::Debug,
    })
}

pub(crate) fn log_level_number(level: LogLevel) -> i32 {
    match level {
        LogLevel::Unspecified => pb::LogLevel::Unspecified,
        LogLevel::None => pb::LogLevel::None,
        LogLevel::Error => pb::LogLevel::Error,
        LogLevel::Info => pb::LogLevel::Info,
        LogLevel::Debug => pb::LogLevel::Debug,
    }
    .into()
}

pub(crate) fn gateway_type(number: i32) -> Result<GatewayType, DomainError> {
    Ok(match pb::GatewayType::try_from(number).map_err(|_| unknown("gateway_config.gateway_type", number))? {
        pb::GatewayType::Unspecified => GatewayType::Unspecified,
        pb::GatewayType::Gateway => GatewayType::Gateway,
        pb::GatewayType::NonGateway => GatewayType::NonGateway,
    })
}

pub(crate) fn gateway_type_number(kind: GatewayType) -> i32 {
    match kind {
        GatewayType::Unspecified => pb::GatewayType::Unspecified,
        GatewayType::Gateway => pb::GatewayType::Gateway,
        GatewayType::NonGateway => pb::GatewayType::NonGateway,
    }
    .into()
}

pub(crate) fn auth_method(number: i32) -> Result<GatewayAuthMethod, DomainError> {
    use pb::GatewayAuthMethod as Api;
    Ok(match Api::try_from(number).map_err(|_| unknown("gateway_config.gateway_auth_method", number))? {
        Api::Unspecified => GatewayAuthMethod::Unspecified,
        Api::AssociationOnly => GatewayAuthMethod::AssociationOnly,
        Api::DeviceAuthTokenOnly => GatewayAuthMethod::DeviceAuthTokenOnly,
        Api::AssociationAndDeviceAuthToken => GatewayAuthMethod::AssociationAndDeviceAuthToken,
    })
}

pub(crate) fn auth_method_number(method: GatewayAuthMethod) -> i32 {
    use pb::GatewayAuthMethod as Api;
    match method {
        GatewayAuthMethod::Unspecified => Api::Unspecified,
        GatewayAuthMethod::AssociationOnly => Api::AssociationOnly,
        GatewayAuthMethod::DeviceAuthTokenOnly => Api::DeviceAuthTokenOnly,
        GatewayAuthMethod::AssociationAndDeviceAuthToken => Api::AssociationAndDeviceAuthToken,
    }
    .into()
}

pub(crate) fn access(number: i32) -> Result<Access, DomainError> {
    use pb::ObjectAccess as Api;
    Ok(match Api::try_from(number).map_err(|_| unknown("object_rules.access", number))? {
        Api::Unspecified | Api::Read => Access::Read,
        Api::Write => Access::Write,
        Api::ReadWrite => Access::ReadWrite,
    })
}

pub(crate) fn access_number(access: Access) -> i32 {
    use pb::ObjectAccess as Api;
    match access {
        Access::Read => Api::Read,
        Access::Write => Api::Write,
        Access::ReadWrite => Api::ReadWrite,
    }
    .into()
}
