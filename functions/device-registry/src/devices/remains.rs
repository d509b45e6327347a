//! What an older device of the same id may have left behind: configuration, state, status.
//!
//! Records are read before the look at the device, and removed only at the version that was read. So what another
//! creation writes meanwhile is never taken for remains.

use domain::config::ConfigHistory;
use domain::ports::{Expect, Versioned, Written};
use domain::state::StateHistory;
use domain::status::DeviceStatus;
use domain::{DeviceKey, PortError};
use futures_util::future::try_join3;

use crate::Deps;

/// Records beside a device's own, as of one moment.
pub(super) struct Remains {
    key: String,
    config: Option<Versioned<ConfigHistory>>,
    state: Option<Versioned<StateHistory>>,
    status: Option<Versioned<DeviceStatus>>,
}

impl Remains {
    /// Three reads at once.
    pub(super) async fn read(deps: &Deps, device: &DeviceKey) -> Result<Self, PortError> {
        let (stores, key) = (&deps.stores, device.to_string());
        let (config, state, status) = try_join3(stores.configs.get(&key), stores.states.get(&key), stores.statuses.get(&key)).await?;
        Ok(Self { key, config, state, status })
    }

    /// Removes what was read. False when one of them has changed since: read again.
    pub(super) async fn remove(&self, deps: &Deps) -> Result<bool, PortError> {
        let mut unchanged = true;
        if let Some(found) = &self.config {
            unchanged &= deps.stores.configs.delete(&self.key, Expect::Version(found.version)).await? != Written::Conflict;
        }
        if let Some(found) = &self.state {
            unchanged &= deps.stores.states.delete(&self.key, Expect::Version(found.version)).await? != Written::Conflict;
        }
        if let Some(found) = &self.status {
            unchanged &= deps.stores.statuses.delete(&self.key, Expect::Version(found.version)).await? != Written::Conflict;
        }
        Ok(unchanged)
    }
}
