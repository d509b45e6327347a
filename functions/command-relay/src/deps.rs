//! What the relay needs from outside.

use std::sync::Arc;

use domain::broadcast::Book;
use domain::command::{Queue, Recipient};
use domain::ports::{Clock, CommandChannel, Random, Stores};
use domain::{DeviceKey, DomainError, Timestamp, device};
use edge::AdminAuth;
use protocol::{DeviceName, DeviceRef, RegistryName};

/// What the relay needs from outside.
#[derive(Clone)]
pub struct Deps {
    /// Where devices, configurations, commands and broadcasts are kept.
    pub stores: Stores,
    /// Reaches live sessions.
    pub commands: Arc<dyn CommandChannel>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What ids and leases are told apart by.
    pub random: Random,
    /// Who may administer.
    pub admin: AdminAuth,
}

impl Deps {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn queue(&self) -> Queue<'_> {
        Queue { stores: &self.stores, channel: &*self.commands, clock: &*self.clock }
    }

    pub(crate) fn book(&self) -> Book<'_> {
        Book { stores: &self.stores, clock: &*self.clock }
    }

    /// The device that `name` means, or NOT_FOUND.
    pub(crate) async fn recipient(&self, name: &DeviceName) -> Result<Recipient, DomainError> {
        let found = device::find(&self.stores, name).await?;
        found.map(|found| Recipient::from(&found.value)).ok_or_else(|| DomainError::NotFound(format!("device `{name}`")))
    }

    /// Whose session to ask for. By id no read: a session proves that its device exists (docs/adr/0017). By number the reads of
    /// [`Self::recipient`], because an entry of numbers may outlive its device.
    pub(crate) async fn addressed(&self, name: &DeviceName) -> Result<DeviceKey, DomainError> {
        match &name.device {
            DeviceRef::Id(id) => Ok(DeviceKey { registry: name.registry.clone(), id: id.clone() }),
            DeviceRef::NumId(_) => Ok(self.recipient(name).await?.key),
        }
    }

    /// Refuses a configuration that could never be read: where no session can exist, HTTP is what is left.
    pub(crate) async fn check_configurable(&self, device: &DeviceKey) -> Result<(), DomainError> {
        let Err(why) = self.commands.check(device) else { return Ok(()) };
        match self.stores.registries.get(&device.registry.to_string()).await? {
            Some(registry) if registry.value.http_enabled => Ok(()),
            _ => Err(why),
        }
    }

    /// NOT_FOUND when there is no such registry.
    pub(crate) async fn check_registry(&self, name: &RegistryName) -> Result<(), DomainError> {
        let found = self.stores.registries.get(&name.to_string()).await?;
        found.map(|_| ()).ok_or_else(|| DomainError::NotFound(format!("registry `{name}`")))
    }
}
