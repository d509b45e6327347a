//! What a device is told when it is refused, and what its record keeps of that.

use domain::identity::Refusal;
use domain::ports::Stores;
use domain::status::{ErrorStatus, StatusBook};
use domain::{DeviceKey, PortError, Timestamp, device};
use protocol::DeviceName;

use crate::{ApiError, Code};

/// Answers to devices, in the time of one request.
pub struct DeviceErrors<'a> {
    /// Where devices are found.
    pub stores: &'a Stores,
    /// Where their last errors are kept.
    pub statuses: &'a StatusBook,
    /// The time.
    pub now: Timestamp,
}

impl DeviceErrors<'_> {
    /// The answer to a refused token, which is also kept as the device's last error if there is such a device. What a
    /// stranger may cause to be written is bounded by [`domain::status::STRANGER_ERROR_EVERY`].
    pub async fn refused(&self, name: &DeviceName, why: Refusal) -> ApiError {
        let proved = matches!(why, Refusal::Blocked | Refusal::ProtocolDisabled(_));
        let error = self.timed(why.into());
        let noted = async {
            let Some(found) = device::find(self.stores, name).await? else { return Ok(()) };
            let (key, status) = (found.value.key, status(&error));
            if proved { self.statuses.error(&key, status).await } else { self.statuses.stranger_error(&key, status).await }
        };
        log_unnoted(noted.await);
        error
    }

    /// Adds the server's time to a 401 that does not say it yet.
    pub fn timed(&self, error: ApiError) -> ApiError {
        let now = self.now.to_string();
        let said = error.code() != Code::Unauthenticated || error.message().contains(&now);
        if said { error } else { error.and_say(format!("; the server's time is {now}")) }
    }

    /// Keeps an error of a device that has proved itself as its last.
    pub async fn note(&self, device: &DeviceKey, error: &ApiError) {
        log_unnoted(self.statuses.error(device, status(error)).await);
    }
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
