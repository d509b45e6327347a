//! What the registry needs from outside.

use std::sync::Arc;

use domain::Timestamp;
use domain::ports::{Clock, CommandChannel, Stores};
use edge::AdminAuth;

/// A source of unpredictable numbers, uniform over all of `u64`.
pub type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the registry needs from outside.
#[derive(Clone)]
pub struct Deps {
    /// Where registries and devices are kept.
    pub stores: Stores,
    /// Reaches live sessions: commands, and hints that records changed.
    pub commands: Arc<dyn CommandChannel>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where device numbers come from.
    pub random: Random,
    /// Who may administer.
    pub admin: AdminAuth,
}

impl Deps {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells the device's live session that its records changed. A lost hint loses nothing, so a failure is only logged.
    pub(crate) async fn hint(&self, device: &domain::DeviceKey) {
        if let Err(e) = self.commands.hint(device).await {
            tracing::warn!(device = %device, error = %e, "A change of `{device}` was stored, but its live session could not be told: {e}");
        }
    }
}
