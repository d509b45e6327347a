//! Registries, kept for a moment: one read a minute serves all requests of a process. The device's own record is read at each request,
//! so one that is blocked, or whose key was removed, is refused at its next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ports::Stores;
use domain::{PortError, Registry, Timestamp};
use protocol::RegistryName;

/// How long a registry serves: so long may its old routes be used, as on the MQTT bridge.
const FRESH: Duration = Duration::from_secs(60);
/// Registries kept. Past it all are forgotten, which costs one read for each.
const KEPT: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Registries(Mutex<HashMap<RegistryName, (Timestamp, Arc<Registry>)>>);

impl Registries {
    /// The registry as it was a minute ago at most. One that takes nothing over HTTP, or has no route, is always as it is: who mends
    /// that waits for nothing.
    pub(super) async fn find(&self, stores: &Stores, name: &RegistryName, now: Timestamp) -> Result<Option<Arc<Registry>>, PortError> {
        // A clock that was set back makes nothing young.
        let serves = |(read, registry): &&(Timestamp, Arc<Registry>)| {
            *read <= now && now.since(*read) < FRESH && registry.http_enabled && !registry.routes.is_empty()
        };
        if let Some((_, registry)) = self.lock().get(name).filter(serves) {
            return Ok(Some(registry.clone()));
        }
        let found = stores.registries.get(&name.to_string()).await?.map(|found| Arc::new(found.value));
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        match &found {
            Some(registry) => kept.insert(name.clone(), (now, registry.clone())),
            None => kept.remove(name),
        };
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RegistryName, (Timestamp, Arc<Registry>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
