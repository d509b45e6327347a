//! Refusals, to the device and into its record.

use domain::device;
use domain::identity::Refusal;
use domain::status::ErrorStatus;
use domain::{DeviceKey, PortError};
use edge::{ApiError, Code};
use protocol::DeviceName;

use crate::{EventError, FanOut};

impl From<EventError> for ApiError {
    fn from(e: EventError) -> Self {
        match e {
            EventError::TooLarge { .. } => Self::invalid("binary_data", e.to_string()),
            EventError::Subfolder(_) => Self::invalid("sub_folder", e.to_string()),
            EventError::Attribute(_) => Self::invalid("attributes", e.to_string()),
            EventError::NoRoute { .. } => Self::new(Code::FailedPrecondition, e.to_string()),
            EventError::Port(e) => e.into(),
        }
    }
}

/// The answer to a refused token, which is also kept as the device's last error if there is such a device. What a
/// stranger may cause to be written is bounded by [`domain::status::STRANGER_ERROR_EVERY`].
pub(super) async fn refusal(deps: &FanOut, name: &DeviceName, refusal: Refusal) -> ApiError {
    let proved = matches!(refusal, Refusal::Blocked | Refusal::ProtocolDisabled(_));
    let error = timed(deps, refusal.into());
    let noted = async {
        let Some(found) = device::find(&deps.stores, name).await? else { return Ok(()) };
        let (key, status) = (found.value.key, status(&error));
        if proved { deps.statuses.error(&key, status).await } else { deps.statuses.stranger_error(&key, status).await }
    };
    log_unnoted(noted.await);
    error
}

/// Adds the server's time to a 401 that does not say it yet.
pub(super) fn timed(deps: &FanOut, error: ApiError) -> ApiError {
    let now = deps.clock.now().to_string();
    let said = error.code() != Code::Unauthenticated || error.message().contains(&now);
    if said { error } else { error.and_say(format!("; the server's time is {now}")) }
}

/// Keeps an error of a device that has proved itself as its last.
pub(super) async fn note(deps: &FanOut, device: &DeviceKey, error: &ApiError) {
    log_unnoted(deps.statuses.error(device, status(error)).await);
}

fn status(error: &ApiError) -> ErrorStatus {
    ErrorStatus { code: error.code().number(), message: error.message().to_owned() }
}

/// The device has its answer; that its record misses it is for the log.
fn log_unnoted(noted: Result<(), PortError>) {
    if let Err(e) = noted {
        tracing::warn!(error = %e, "The last error of a device could not be written: {e}");
    }
}
