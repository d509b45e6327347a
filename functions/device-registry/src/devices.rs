//! Devices: create, get, list, update, delete.

pub(crate) mod associated;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
mod remains;
pub(crate) mod update;

use domain::credential::DeviceCredential;
use domain::device::Device;
use domain::ports::Versioned;
use domain::{DomainError, Registry, Timestamp, device};
use protocol::{DeviceName, RegistryName};

use crate::Deps;

/// What every device key of a registry starts with.
pub(crate) fn parent(registry: &RegistryName) -> String {
    format!("{registry}/devices/")
}

/// The device that `name` means and its version, or NOT_FOUND.
pub(crate) async fn find(deps: &Deps, name: &DeviceName) -> Result<Versioned<Device>, DomainError> {
    device::find(&deps.stores, name).await?.ok_or_else(|| DomainError::NotFound(format!("device `{name}`")))
}

/// Checks the keys that `new` has and `old` has not: what is registered already stays, whatever the registry's CAs
/// are by now and however old its certificate is.
fn check_added(new: &[DeviceCredential], old: &[DeviceCredential], registry: &Registry, now: Timestamp) -> Result<(), DomainError> {
    let added = new.iter().enumerate().filter(|(_, n)| !old.iter().any(|o| o.key == n.key));
    for (place, credential) in added {
        credential.key.validate(&registry.ca_certificates, now).map_err(|e| at(place, e))?;
    }
    Ok(())
}

/// The same refusal, about the credential at `place`.
fn at(place: usize, e: DomainError) -> DomainError {
    match e {
        DomainError::Invalid { message, .. } => DomainError::invalid(format!("credentials[{place}].public_key"), message),
        other => other,
    }
}
