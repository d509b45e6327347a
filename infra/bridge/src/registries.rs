//! Registries, kept for a moment: every session looks at its registry each minute, and one read serves all sessions of a node.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::ports::Stores;
use domain::{PortError, Registry};
use protocol::RegistryName;

/// Registries kept. Past it all are forgotten, which costs one read for each.
const KEPT: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct Registries(Mutex<HashMap<RegistryName, (Instant, Arc<Registry>)>>);

impl Registries {
    /// The registry as it was at most `fresh` ago.
    pub(crate) async fn find(&self, stores: &Stores, name: &RegistryName, fresh: Duration) -> Result<Option<Arc<Registry>>, PortError> {
        if let Some((read, registry)) = self.lock().get(name)
            && read.elapsed() < fresh
        {
            return Ok(Some(registry.clone()));
        }
        let asked = Instant::now();
        let found = stores.registries.get(&name.to_string()).await?.map(|found| Arc::new(found.value));
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.clear();
        }
        match &found {
            Some(registry) => kept.insert(name.clone(), (asked, registry.clone())),
            None => kept.remove(name),
        };
        Ok(found)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RegistryName, (Instant, Arc<Registry>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
