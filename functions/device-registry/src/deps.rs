//! What the registry needs from outside.

use std::sync::Arc;

use domain::Timestamp;
use domain::ports::{Clock, CommandChannel, Random, Stores};
use edge::AdminAuth;

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
}
