//! With what: one URL per port. An unknown scheme is refused with those that are known.

mod command_channel;
mod error;
mod nobody;
mod objects;
mod publisher;
mod records;

use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Clock, ObjectStore, Publisher, Stores};
use domain::status::StatusBook;
use infra_aws::{Aws, AwsIot};
use infra_gcp::{Endpoint, ExternalAccount, Ordering};
use infra_local::SystemClock;
#[cfg(feature = "full")]
use infra_local::{FolderObjects, TopicLog};
use pubsub_fanout::FanOut;
// What is left out has no value, so that an `Option` of it is always `None`.
#[cfg(not(feature = "full"))]
use std::convert::{Infallible as FolderObjects, Infallible as TopicLog};

pub(crate) use command_channel::Bridge;
pub use command_channel::{Channel, NatsFiles};
pub use error::ConnectError;

/// What each port understands; also what a refusal names.
pub mod schemes {
    /// Records.
    pub const RECORDS: &str = "sled:{folder}, memory:, firestore://{project}[/{database}], dynamodb://{table}";
    /// Publisher.
    pub const PUBLISHER: &str = "log:{folder}, pubsub://{project}";
    /// Objects.
    pub const OBJECTS: &str = "folder:{path}, gs://";
    /// Commands.
    pub const COMMANDS: &str = "local:, none:, nats://{host}:{port}[,{host}:{port}…], tls://…, awsiot:[//{data endpoint}]";
}

/// The ports, connected.
#[derive(Clone)]
pub struct Ports {
    /// Records of registries and devices.
    pub stores: Stores,
    /// Where messages go; `None` where nothing publishes.
    pub publisher: Option<Arc<dyn Publisher>>,
    /// Files of devices; `None` where nothing serves them.
    pub objects: Option<Arc<dyn ObjectStore>>,
    /// The log behind `publisher`, when it is on this machine's disk.
    pub topic_log: Option<TopicLog>,
    /// The folder behind `objects`, when they are on this machine's disk.
    pub folder: Option<FolderObjects>,
    /// How live sessions are reached.
    pub channel: Channel,
    /// Last-seen times and last errors.
    pub statuses: Arc<StatusBook>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who we are at AWS, where something is there.
    pub aws: Aws,
}

impl Ports {
    /// What publishes for devices, over MQTT and over HTTP.
    pub fn fan_out(&self) -> Option<FanOut> {
        let Self { stores, publisher, statuses, clock, .. } = self.clone();
        Some(FanOut { publisher: publisher?, stores, statuses, clock })
    }
}

/// Google's services: emulators in place of them, each `host:port`, or an identity for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Emulators {
    /// Of Firestore.
    pub firestore: Option<String>,
    /// Of Pub/Sub.
    pub pubsub: Option<String>,
    /// Of Cloud Storage.
    pub storage: Option<String>,
    /// No emulator: who we are at Google, where not by the environment's credentials.
    pub account: Option<ExternalAccount>,
}

impl Emulators {
    /// As Google's own programs name them in the environment: `get` reads a variable.
    pub fn named_by(get: impl Fn(&str) -> Option<String>) -> Self {
        let [firestore, pubsub, storage] = ["FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"].map(get);
        Self { firestore, pubsub, storage, account: None }
    }
}

/// Which adapter stands behind each port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// One of [`schemes::RECORDS`].
    pub records: String,
    /// One of [`schemes::PUBLISHER`].
    pub publisher: Option<String>,
    /// One of [`schemes::OBJECTS`].
    pub objects: Option<String>,
    /// One of [`schemes::COMMANDS`].
    pub commands: String,
    /// What a NATS server may ask for.
    pub nats: NatsFiles,
    /// In place of Google's services.
    pub emulators: Emulators,
    /// Whether messages of a device keep their order at Pub/Sub.
    pub ordering: Ordering,
}

impl Urls {
    /// The Google project that is used, if one is: of the records, or else of the publisher.
    pub fn google_project(&self) -> Option<&str> {
        let records = self.records.strip_prefix("firestore://");
        let publisher = self.publisher.as_deref().and_then(|url| url.strip_prefix("pubsub://"));
        records.or(publisher)?.split('/').next().filter(|project| !project.is_empty())
    }
}

/// How long a bridge node waits for a device's acknowledgement, where nobody says otherwise.
#[cfg(feature = "full")]
pub(crate) fn command_timeout() -> Duration {
    infra_bridge::Limits::default().command_timeout
}

/// Without a bus nobody waits for a node.
#[cfg(not(feature = "full"))]
pub(crate) fn command_timeout() -> Duration {
    Duration::ZERO
}

/// Connects every port, or says which one cannot be and why. A server that is down now is no reason.
/// `command_timeout` is how long a bridge node waits for a device's acknowledgement.
pub async fn connect(urls: &Urls, command_timeout: Duration) -> Result<Ports, ConnectError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let aws = Aws::default();
    let stores = records::connect(&urls.records, &urls.emulators, &aws).await?;
    let (publisher, topic_log) = match &urls.publisher {
        Some(url) => publisher::connect(url, urls, &clock).await.map(|(publisher, log)| (Some(publisher), log))?,
        None => (None, None),
    };
    let objects = urls.objects.as_deref().map(|url| objects::connect(url, &urls.emulators)).transpose()?;
    let (objects, folder) = objects.map_or((None, None), |(objects, folder)| (Some(objects), folder));
    let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
    let at_aws = |endpoint: Option<String>| AwsIot::new(aws.clone(), endpoint, stores.clone(), statuses.clone(), clock.clone());
    let channel = command_channel::connect(&urls.commands, &urls.nats, command_timeout, &clock, at_aws).await?;
    Ok(Ports { stores, publisher, objects, topic_log, folder, channel, statuses, clock, aws })
}

/// The service itself, or an emulator that stands for it.
fn endpoint(emulator: Option<&String>, emulators: &Emulators) -> Endpoint {
    match (emulator, &emulators.account) {
        (Some(emulator), _) => Endpoint::Emulator(emulator.clone()),
        (None, Some(account)) => Endpoint::Federated(account.clone()),
        (None, None) => Endpoint::Google,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(records: &str, publisher: &str, objects: &str, commands: &str) -> Urls {
        Urls {
            records: records.into(),
            publisher: Some(publisher.into()),
            objects: Some(objects.into()),
            commands: commands.into(),
            nats: NatsFiles::default(),
            emulators: Emulators::default(),
            ordering: Ordering::Device,
        }
    }

    async fn refusal(urls: Urls) -> String {
        connect(&urls, Duration::from_secs(1)).await.err().unwrap().to_string()
    }

    #[tokio::test]
    async fn an_unknown_scheme_is_refused_with_the_known_ones() {
        let folder = tempfile::tempdir().unwrap();
        let log = format!("log:{}", folder.path().display());
        let e = refusal(urls("redis://x", &log, "folder:/tmp", "local:")).await;
        assert!(e.contains("records `redis://x`") && e.contains("memory:") && e.contains("firestore://"), "{e}");
        let e = refusal(urls("memory:", "kafka:x", "folder:/tmp", "local:")).await;
        assert!(e.contains("publisher `kafka:x`") && e.contains("pubsub://"), "{e}");
        let e = refusal(urls("memory:", &log, "ftp://x", "local:")).await;
        assert!(e.contains("objects `ftp://x`") && e.contains("folder:{path}"), "{e}");
        let e = refusal(urls("memory:", &log, "folder:/tmp", "amqp://x")).await;
        assert!(e.contains("commands `amqp://x`") && e.contains("nats://"), "{e}");
    }

    #[tokio::test]
    async fn a_url_of_the_right_scheme_is_still_checked() {
        let e = refusal(urls("firestore://No_Project!", "log:x", "gs://", "local:")).await;
        assert!(e.contains("No_Project!"), "{e}");
        let e = refusal(urls("firestore://my-project/X", "log:x", "gs://", "local:")).await;
        assert!(e.contains("`X` is no Firestore database"), "{e}");
        let e = refusal(urls("memory:", "pubsub://proj", "gs://bucket", "nats://me:hush@n1:4222")).await;
        assert!(e.contains("objects `gs://bucket`"), "{e}");
    }

    #[tokio::test]
    async fn a_bus_that_is_down_does_not_stop_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let log = format!("log:{}", folder.path().display());
        let ports = connect(&urls("memory:", &log, "gs://", "nats://127.0.0.1:1,127.0.0.1:2"), Duration::from_secs(1)).await.unwrap();
        assert!(matches!(ports.channel, Channel::Nats(nats) if !nats.is_up()));
    }
}
