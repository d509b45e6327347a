//! Creating a device.
//!
//! Order of writes, each safe to stop after:
//! 1. what an older device of the id left behind is removed ([`Remains`]);
//! 2. the number, absent before: a number without its device names nobody (`domain::device::find` looks at both);
//! 3. the device, absent before: of two creations one wins here, the other takes its number back;
//! 4. the first configuration. A device without one (stopped here) reads as a device with an empty one.
//!
//! Then the registry is looked at again: see `registries::delete`.

use domain::config::ConfigHistory;
use domain::device::{Device, DeviceKey};
use domain::ports::{Expect, Written};
use domain::{DomainError, PortError, Registry};
use protocol::RegistryName;
use protocol::limits::MAX_CONFIG_BYTES;

use super::check_added;
use super::remains::Remains;
use crate::convert::{bad_name, credential, device as convert, enums};
use crate::{Deps, pb, registries};

/// Numbers are 16 digits, as Cloud IoT Core's were: from 2.0e15, up to but not including 3.9e15.
const FIRST_NUMBER: u64 = 2_000_000_000_000_000;
/// How many numbers there are.
const NUMBERS: u64 = 1_900_000_000_000_000;
/// Numbers tried before the source is taken for broken: with a billion devices a number is free at the first try in
/// 999,999 of a million cases.
const TRIES: usize = 20;

/// Creates the device in `sent`. Answers it with its configuration, which is at version 1.
pub(crate) async fn create(deps: &Deps, parent: &RegistryName, sent: &pb::Device) -> Result<(Device, ConfigHistory), DomainError> {
    let registry = registries::get(deps, parent).await?.value;
    let mut device = read(deps, &registry, sent)?;
    let config = first_config(deps, sent)?;
    let key = device.key.to_string();
    let exists = || DomainError::AlreadyExists(format!("device `{key}`"));
    loop {
        let remains = Remains::read(deps, &device.key).await?;
        if deps.stores.devices.get(&key).await?.is_some() {
            return Err(exists());
        }
        if remains.remove(deps).await? {
            break;
        }
    }
    device.num_id = take_number(deps, &device.key).await?;
    let number = device.num_id.to_string();
    let Written::Stored(version) = deps.stores.devices.put(&key, &device, Expect::Absent).await? else {
        deps.stores.device_numbers.delete(&number, Expect::Anything).await?;
        return Err(exists());
    };
    // Conflict: an administrator has already changed the configuration of the device that is visible since (3).
    deps.stores.configs.put(&key, &config, Expect::Absent).await?;
    if let Err(gone) = registries::get(deps, parent).await {
        deps.stores.devices.delete(&key, Expect::Version(version)).await?;
        deps.stores.device_numbers.delete(&number, Expect::Anything).await?;
        return Err(gone);
    }
    Ok((device, config))
}

/// The device as sent, checked, still without its number.
fn read(deps: &Deps, registry: &Registry, sent: &pb::Device) -> Result<Device, DomainError> {
    let id = sent.id.parse().map_err(bad_name("device.id"))?;
    let device = Device {
        key: DeviceKey { registry: registry.name.clone(), id },
        num_id: 0,
        credentials: credential::device(&sent.credentials)?,
        blocked: sent.blocked,
        metadata: sent.metadata.clone(),
        log_level: enums::log_level(sent.log_level)?,
        gateway: convert::gateway(sent.gateway_config.as_ref())?,
        service_accounts: credential::accounts(&sent.service_accounts)?,
    };
    device.validate()?;
    check_added(&device.credentials, &[], registry, deps.now())?;
    Ok(device)
}

fn first_config(deps: &Deps, sent: &pb::Device) -> Result<ConfigHistory, DomainError> {
    let sent = sent.config.clone().unwrap_or_default();
    if sent.version != 0 {
        let text = format!("config.version must be 0 when a device is created, it is {}", sent.version);
        return Err(DomainError::invalid("config.version", text));
    }
    if sent.binary_data.len() > MAX_CONFIG_BYTES {
        let text = format!("configuration of {} bytes exceeds the limit of {MAX_CONFIG_BYTES} bytes", sent.binary_data.len());
        return Err(DomainError::invalid("config.binary_data", text));
    }
    Ok(ConfigHistory::first(sent.binary_data, deps.now()))
}

/// A number that no other device has; its record is written.
async fn take_number(deps: &Deps, device: &DeviceKey) -> Result<u64, DomainError> {
    for _ in 0..TRIES {
        let number = FIRST_NUMBER + (deps.random)() % NUMBERS;
        if let Written::Stored(_) = deps.stores.device_numbers.put(&number.to_string(), device, Expect::Absent).await? {
            return Ok(number);
        }
    }
    Err(PortError::lasting("random numbers", format!("{TRIES} in a row were taken")).into())
}
