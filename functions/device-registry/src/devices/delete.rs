//! Deleting a device.
//!
//! Order: the device first, so that from then on nobody finds it; then configuration, state and status at the versions
//! read before; then the number; then bindings that were made meanwhile, and the policy of its group; then its commands. Stopped anywhere, it leaves records that no device shows: a creation
//! of the same id removes them, and a number without its device names nobody, nor do the commands that are kept under it.
//! A live session is told and closes itself.

use domain::command::{self, Recipient};
use domain::ports::{Expect, Written};
use domain::{DomainError, gateway};
use protocol::DeviceName;

use super::remains::Remains;
use crate::{Deps, gateways, policies};

/// Deletes the device that `name` means, unless it is bound to a gateway or devices are bound to it.
pub(crate) async fn delete(deps: &Deps, name: &DeviceName) -> Result<(), DomainError> {
    loop {
        let found = super::find(deps, name).await?;
        let device = found.value;
        gateways::refuse_bound(deps, &device, "deleted").await?;
        let remains = Remains::read(deps, &device.key).await?;
        if deps.stores.devices.delete(&device.key.to_string(), Expect::Version(found.version)).await? == Written::Conflict {
            continue;
        }
        // What the session writes in between stays behind, and is removed when the id is used again.
        let _unchanged = remains.remove(deps).await?;
        deps.stores.device_numbers.delete(&device.num_id.to_string(), Expect::Anything).await?;
        edge::hint(&*deps.commands, &device.key).await;
        gateway::forget(&deps.stores, &device).await?;
        policies::forget_group(deps, &device).await?;
        command::forget(&deps.stores, &Recipient::from(&device)).await?;
        return Ok(());
    }
}
