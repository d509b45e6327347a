//! The calls.

use aws_sdk_iotdataplane::config::retry::RetryConfig;
use aws_sdk_iotdataplane::config::timeout::TimeoutConfig;
use aws_sdk_iotdataplane::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_iotdataplane::primitives::Blob;
use aws_sdk_iotdataplane::{Client, config};
use bytes::Bytes;
use domain::ports::Delivery;
use domain::{DeviceKey, PortError};

use super::{AwsIot, CALL_LIMIT, CONFIRM_SECS, PART, check_name};
use crate::failure::Service;

const IOT: Service = Service {
    part: PART,
    name: "AWS IoT",
    actions: "iot:SendDirectMessage and iot:DeleteConnection on client/projects/*",
    create: "AWS IoT does not know the connection",
};

impl AwsIot {
    async fn client(&self) -> &Client {
        let make = || async {
            let limits = TimeoutConfig::builder().operation_timeout(CALL_LIMIT).operation_attempt_timeout(CALL_LIMIT).build();
            // A failure may come after the message has left, so nothing is sent twice.
            let config = config::Builder::from(self.0.aws.config().await).timeout_config(limits).retry_config(RetryConfig::disabled());
            let config = match &self.0.endpoint {
                Some(endpoint) => config.endpoint_url(endpoint),
                None => config,
            };
            Client::from_conf(config.build())
        };
        self.0.client.get_or_init(make).await
    }

    /// A message to the device alone, and what became of it.
    pub(super) async fn send(
        &self,
        device: &DeviceKey,
        topic: &str,
        payload: Bytes,
        properties: Option<String>,
    ) -> Result<Delivery, PortError> {
        let client_id = device.to_string();
        check_name(device).map_err(|why| PortError::lasting(PART, why).telling("AWS IoT cannot carry the device's name"))?;
        let request = self.client().await.send_direct_message().client_id(&client_id).topic(topic).payload(Blob::new(payload));
        let sent = request.set_user_properties(properties).confirmation(true).timeout(CONFIRM_SECS).send().await;
        match &sent {
            Ok(_) => Ok(Delivery::Acknowledged),
            Err(e) => match e.code() {
                Some("ResourceNotFoundException") => Ok(Delivery::NotConnected),
                Some("GatewayTimeoutException") => Ok(Delivery::TimedOut),
                _ if matches!(e, SdkError::TimeoutError(_)) => Ok(Delivery::TimedOut),
                _ => Err(IOT.failed(&client_id, e)),
            },
        }
    }

    /// Ends the device's connection, if there is one.
    pub(super) async fn disconnect(&self, device: &DeviceKey) -> Result<(), PortError> {
        let client_id = device.to_string();
        if check_name(device).is_err() {
            return Ok(());
        }
        match self.client().await.delete_connection().client_id(&client_id).clean_session(true).send().await {
            Err(e) if e.code() != Some("ResourceNotFoundException") => Err(IOT.failed(&client_id, &e)),
            _ => Ok(()),
        }
    }
}
