//! Refusals, to the device and into its record.

use domain::registry::LogLevel;
use edge::{ApiError, Code, DeviceErrors};

use crate::{EventError, FanOut, Speaker};

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

impl FanOut {
    /// How devices are answered now.
    pub(super) fn device_errors(&self) -> DeviceErrors<'_> {
        DeviceErrors { stores: &self.stores, statuses: &self.statuses, now: self.clock.now() }
    }

    /// Keeps an error of a device that speaks as its last, and in its log.
    pub(super) async fn note(&self, speaker: &Speaker, event: &'static str, error: &ApiError) {
        speaker.log(LogLevel::Error, event, error.message());
        self.device_errors().note(&speaker.key, error).await;
    }
}
