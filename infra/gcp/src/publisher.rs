//! # Publisher on Cloud Pub/Sub
//!
//! Promise: a message is answered with its id only when Pub/Sub has it. A message that could not be published within
//! [`GIVE_UP_AFTER`] is answered with an error; Pub/Sub may have it all the same (at least once).
//! Bounds: the client holds what callers wait for and nothing else; callers bound that (a session's window).
//!
//! Order: Pub/Sub delivers in order only within an ordering key, to subscriptions that enable message ordering. With
//! [`Ordering::Device`] the device's number is that key. A key also splits the batches a publish request may carry, and
//! a request is billed as at least 1,000 bytes, so who sorts by `readingId` downstream may choose [`Ordering::None`].

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::Publisher;
use domain::{Message, PortError};
use futures_util::future::join_all;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::retry_policy::RetryPolicyExt as _;
use google_cloud_pubsub::client;
use google_cloud_pubsub::error::PublishError;
use google_cloud_pubsub::model as client_model;
use google_cloud_pubsub::retry_policy::RetryableErrors;
use protocol::{TopicName, attribute};

use crate::Endpoint;

/// What tokens are asked for, where the credentials do not say it.
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";
/// How long the client retries one message before its caller is told: half of a device's usual 60 s keepalive.
pub const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// A batch leaves after this long even if it is small: what a lone message waits. Pub/Sub itself takes about 20 ms.
const BATCH_DELAY: Duration = Duration::from_millis(2);
/// A batch leaves at this many messages, Pub/Sub's own limit.
const BATCH_MESSAGES: u32 = 1000;
/// Topics whose client is kept: a registry has at most ten routes. Past it all are dropped and made anew.
const KEPT_TOPICS: usize = 10_000;

/// Whether messages of one device keep their order at Pub/Sub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ordering {
    /// The device's number is the ordering key.
    #[default]
    Device,
    /// No key: cheaper, and subscribers sort by `readingId` themselves.
    None,
}

/// Why Pub/Sub cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("Pub/Sub client: {0}: set GOOGLE_APPLICATION_CREDENTIALS, run where a service account is attached, or set PUBSUB_EMULATOR_HOST")]
pub struct ConnectError(String);

/// Publishes to Cloud Pub/Sub over one gRPC connection.
pub struct PubSub {
    connection: client::BasePublisher,
    ordering: Ordering,
    topics: RwLock<HashMap<TopicName, client::Publisher>>,
}

impl PubSub {
    /// Prepares the client. Nothing is sent yet, so a Pub/Sub that is down shows at the first publish.
    pub async fn connect(endpoint: Endpoint, ordering: Ordering) -> Result<Self, ConnectError> {
        let mut builder = client::BasePublisher::builder().with_retry_policy(RetryableErrors.with_time_limit(GIVE_UP_AFTER));
        builder = builder.with_credentials(endpoint.credentials(SCOPE).map_err(|e| ConnectError(e.to_string()))?);
        if let Endpoint::Emulator(address) = endpoint {
            builder = builder.with_endpoint(format!("http://{address}"));
        }
        let connection = builder.build().await.map_err(|e| ConnectError(e.to_string()))?;
        Ok(Self { connection, ordering, topics: RwLock::default() })
    }

    fn topic(&self, name: &TopicName) -> client::Publisher {
        if let Some(known) = self.topics.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return known.clone();
        }
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        if topics.len() >= KEPT_TOPICS {
            topics.clear();
        }
        let made = || {
            let builder = self.connection.publisher(name.as_str());
            builder.set_message_count_threshold(BATCH_MESSAGES).set_delay_threshold(BATCH_DELAY).build()
        };
        topics.entry(name.clone()).or_insert_with(made).clone()
    }

    fn message(&self, message: Message) -> client_model::Message {
        let key = message.attributes.get(attribute::DEVICE_NUM_ID).filter(|_| self.ordering == Ordering::Device);
        let built = client_model::Message::new().set_ordering_key(key.unwrap_or_default());
        let mut attributes = HashMap::new();
        for (name, value) in message.attributes.iter() {
            // The first counts: ours come first.
            attributes.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        built.set_data(message.data).set_attributes(attributes)
    }
}

#[async_trait]
impl Publisher for PubSub {
    async fn publish(&self, topic: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        let publisher = self.topic(topic);
        let sent = messages.into_iter().map(|message| {
            let message = self.message(message);
            let key = message.ordering_key.clone();
            let future = publisher.publish(message);
            (key, future)
        });
        // Handed over in order before the first wait, so that they leave in order.
        let sent: Vec<_> = sent.collect();
        let answers = join_all(sent.into_iter().map(async |(key, future)| (key, future.await))).await;
        let done = |(key, answer): (String, Result<String, PublishError>)| {
            answer.map_err(|e| {
                // The client pauses a key after a failure so that nothing overtakes it. The bridge has closed that
                // device's connection by the same error, and the device sends again from there.
                publisher.resume_publish(key);
                failed(topic, &e)
            })
        };
        answers.into_iter().map(done).collect()
    }
}

fn failed(topic: &TopicName, error: &PublishError) -> PortError {
    let PublishError::Rpc(rpc) = error else { return PortError::passing("publisher", error) };
    match rpc.status().map(|s| s.code) {
        Some(Code::NotFound) => {
            let create = format!("create it with `gcloud pubsub topics create {}`", topic.topic());
            PortError::lasting("publisher", format!("topic `{topic}` does not exist: {create}"))
        }
        Some(Code::PermissionDenied) => {
            PortError::lasting("publisher", format!("no permission to publish to `{topic}`: grant roles/pubsub.publisher on it"))
        }
        _ => PortError::passing("publisher", format!("topic `{topic}`: {rpc}")),
    }
}
