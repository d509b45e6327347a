//! A device's configuration on its way: read from the records, sent, and its acknowledgement recorded.

use domain::config;
use domain::ports::Delivery;
use domain::status::{ErrorStatus, Seen};
use domain::{DeviceKey, PortError};

use super::{AwsIot, check_name};

/// `google.rpc.Code`.
const FAILED_PRECONDITION: i32 = 9;

/// Whether a configuration is sent that was acknowledged before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It is: the device has just subscribed, and Cloud IoT Core sent it then.
    Subscribed,
    /// It is not.
    Unacknowledged,
}

impl AwsIot {
    /// Sends the newest configuration, if there is one, and records what the device says to it.
    pub async fn configure(&self, device: &DeviceKey, when: When) -> Result<(), PortError> {
        let stores = &self.0.stores;
        let Some(newest) = config::latest(stores, device).await? else { return Ok(()) };
        if when == When::Unacknowledged && newest.device_ack_time.is_some() {
            return Ok(());
        }
        if let Err(why) = check_name(device) {
            let message = format!("configuration {} cannot be sent over MQTT, only asked for over HTTP: {why}", newest.version);
            return self.0.statuses.error(device, ErrorStatus { code: FAILED_PRECONDITION, message }).await;
        }
        let topic = format!("/devices/{}/config", device.id);
        match self.send(device, &topic, newest.data.into(), None).await? {
            Delivery::Acknowledged => {
                self.0.statuses.seen(device, Seen::ConfigSend).await?;
                config::acknowledge(stores, device, newest.version, self.0.clock.now()).await?;
                self.0.statuses.seen(device, Seen::ConfigAck).await
            }
            Delivery::TimedOut => self.0.statuses.seen(device, Seen::ConfigSend).await,
            // It reads it when it subscribes.
            _ => Ok(()),
        }
    }
}
