//! What a function does beside its answer: it says that records changed.

use domain::DeviceKey;
use domain::ports::CommandChannel;

/// Tells the device's live session that its records changed. A lost hint loses nothing, so a failure is only logged.
pub async fn hint(commands: &dyn CommandChannel, device: &DeviceKey) {
    if let Err(e) = commands.hint(device).await {
        tracing::warn!(device = %device, error = %e, "A change of `{device}` was stored, but its live session could not be told: {e}");
    }
}
