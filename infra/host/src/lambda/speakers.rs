//! Devices that were heard lately, so that telemetry costs no read. What is kept serves for a minute: so long may a device
//! that was blocked, or a route that was changed, go on as before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::ports::Stores;
use domain::{PortError, device};
use protocol::DeviceName;
use pubsub_fanout::Speaker;

/// How long a device's record and its registry's serve.
const FRESH: Duration = Duration::from_secs(60);
/// Devices kept, of some 500 bytes each. Past it all are forgotten, which costs two reads each.
const KEPT: usize = 10_000;

/// A device as it may speak.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) speaker: Arc<Speaker>,
    pub(super) num_id: u64,
    pub(super) blocked: bool,
}

#[derive(Default)]
pub(super) struct Speakers(Mutex<HashMap<DeviceName, (Instant, Known)>>);

impl Speakers {
    /// The device, if there is one. Two reads at most, none within a minute after.
    pub(super) async fn find(&self, stores: &Stores, name: &DeviceName) -> Result<Option<Known>, PortError> {
        if let Some((read, known)) = self.lock().get(name).cloned()
            && read.elapsed() < FRESH
        {
            return Ok(Some(known));
        }
        let Some(found) = device::find(stores, name).await? else { return Ok(None) };
        let Some(registry) = stores.registries.get(&name.registry.to_string()).await? else { return Ok(None) };
        let registry = Arc::new(registry.value);
        let mut kept = self.lock();
        let speaker = match kept.get(name) {
            // It remembers when the device was last written as seen.
            Some((_, before)) if before.num_id == found.value.num_id => before.speaker.with_registry(registry),
            _ => Speaker::new(&found.value, registry, None),
        };
        let known = Known { speaker: Arc::new(speaker), num_id: found.value.num_id, blocked: found.value.blocked };
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(name.clone(), (Instant::now(), known.clone()));
        Ok(Some(known))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<DeviceName, (Instant, Known)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
