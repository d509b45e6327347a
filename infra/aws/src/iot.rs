//! # Live sessions on AWS IoT Core
//!
//! AWS IoT is the bridge; commands and configurations go to a device's client id as direct messages, QoS 1, and the device's
//! PUBACK is what answers. Nothing goes by subscription: topics of AWS IoT have no registry in them, so that a retained or
//! published configuration would reach every device of that id in the account.
//!
//! Promise: `Acknowledged` is the device's own PUBACK; `NotConnected` means that AWS IoT knows no such connection. A command is
//! sent once: no failure is tried again here, since AWS may have sent it. Not promised: `NotSubscribed`, which AWS does not know.
//! A device whose name AWS IoT cannot carry ([`check_name`]) is refused by [`CommandChannel::check`]; a configuration of it is for
//! HTTP alone, and its last error says so.
//!
//! Source: docs.aws.amazon.com/iot/latest/developerguide/direct-messaging.html, …/general/latest/gr/iot-core.html (limits).

mod client;
mod configuration;
mod name;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_iotdataplane::Client;
use domain::ports::{Clock, Command, CommandChannel, Delivery, Stores};
use domain::status::StatusBook;
use domain::{DeviceKey, DomainError, PortError};
use tokio::sync::OnceCell;

pub use configuration::When;
pub use name::{MAX_CLIENT_ID_BYTES, check_name};

use crate::Aws;

/// Most slashes in a topic of AWS IoT.
pub const MAX_SLASHES: usize = 7;
/// Longest topic of AWS IoT.
const MAX_TOPIC_BYTES: usize = 256;
/// How long AWS waits for a device's PUBACK: 1 to 15 s are possible, and an administrator waits as long.
const CONFIRM_SECS: i32 = 10;
const PART: &str = "commands";

/// Reaches devices that are connected to AWS IoT.
#[derive(Clone)]
pub struct AwsIot(Arc<Inner>);

struct Inner {
    aws: Aws,
    /// `https://…` of the account's data endpoint; without, the region's.
    endpoint: Option<String>,
    stores: Stores,
    statuses: Arc<StatusBook>,
    clock: Arc<dyn Clock>,
    client: OnceCell<Client>,
}

impl std::fmt::Debug for AwsIot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AwsIot({})", self.0.endpoint.as_deref().unwrap_or("the region's endpoint"))
    }
}

impl AwsIot {
    /// By the account's data endpoint, an URL, or the region's where there is none. Nothing is sent yet.
    pub fn new(aws: Aws, endpoint: Option<String>, stores: Stores, statuses: Arc<StatusBook>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { aws, endpoint, stores, statuses, clock, client: OnceCell::new() }))
    }
}

#[async_trait]
impl CommandChannel for AwsIot {
    fn check(&self, device: &DeviceKey) -> Result<(), DomainError> {
        check_name(device).map_err(DomainError::Precondition)
    }

    async fn deliver(&self, device: &DeviceKey, command: Command) -> Result<Delivery, PortError> {
        let topic = topic(device, &command.subfolder)?;
        let properties = command.id.map(|id| serde_json::json!([{ protocol::messages::COMMAND_ID_PROPERTY: id }]).to_string());
        self.send(device, &topic, command.data, properties).await
    }

    /// Sends the configuration if the device has not acknowledged it; ends the connection of a device that is blocked or gone.
    async fn hint(&self, device: &DeviceKey) -> Result<(), PortError> {
        match self.0.stores.devices.get(&device.to_string()).await? {
            Some(found) if !found.value.blocked => self.configure(device, When::Unacknowledged).await,
            _ => self.disconnect(device).await,
        }
    }
}

/// The topic of a command. The error is the caller's to hear: no device could take it.
fn topic(device: &DeviceKey, subfolder: &str) -> Result<String, PortError> {
    let topic = match subfolder {
        "" => format!("/devices/{}/commands", device.id),
        _ => format!("/devices/{}/commands/{subfolder}", device.id),
    };
    let slashes = topic.bytes().filter(|b| *b == b'/').count();
    if slashes > MAX_SLASHES || topic.len() > MAX_TOPIC_BYTES {
        let (has, limits) = (topic.len(), format!("{MAX_SLASHES} slashes and {MAX_TOPIC_BYTES} bytes"));
        let text =
            format!("topic `{topic}` has {slashes} slashes and {has} bytes, the limits of AWS IoT are {limits}: use a shorter subfolder");
        return Err(PortError::lasting(PART, text).telling("the subfolder is too deep or too long for AWS IoT"));
    }
    Ok(topic)
}

/// How long a whole call may take: AWS's own waiting, and as much again as a call without it.
const CALL_LIMIT: Duration = Duration::from_secs(CONFIRM_SECS as u64 + 5);

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DeviceKey {
        DeviceKey { registry: "projects/p/locations/l/registries/reg".parse().unwrap(), id: "pi-1".parse().unwrap() }
    }

    #[test]
    fn a_subfolder_counts_against_the_slashes_of_aws_iot() {
        assert_eq!(topic(&key(), "").unwrap(), "/devices/pi-1/commands");
        assert_eq!(topic(&key(), "a/b/c/d").unwrap(), "/devices/pi-1/commands/a/b/c/d");
        let refused = topic(&key(), "a/b/c/d/e").unwrap_err();
        assert!(
            !refused.is_retryable() && refused.to_string().contains("has 8 slashes and 32 bytes, the limits of AWS IoT are 7 slashes"),
            "{refused}"
        );
        assert!(topic(&key(), &"a".repeat(250)).unwrap_err().to_string().contains("and 256 bytes"));
    }
}
