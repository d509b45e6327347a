//! With what: one URL per port. An unknown scheme is refused with those that are known.

use std::path::Path;
use std::sync::Arc;

use domain::PortError;
use domain::ports::{Clock, ObjectStore, Publisher, Stores};
use domain::status::StatusBook;
use infra_gcp::{Endpoint, Ordering, PubSub};
use infra_local::{FolderObjects, SystemClock, TopicLog};
use pubsub_fanout::FanOut;

/// The ports, connected.
#[derive(Clone)]
pub struct Ports {
    /// Records of registries and devices.
    pub stores: Stores,
    /// Where messages go.
    pub publisher: Arc<dyn Publisher>,
    /// Files of devices.
    pub objects: Arc<dyn ObjectStore>,
    /// Last-seen times and last errors.
    pub statuses: Arc<StatusBook>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Ports {
    /// What publishes for devices, over MQTT and over HTTP.
    pub fn fan_out(&self) -> FanOut {
        let Self { stores, publisher, statuses, clock, .. } = self.clone();
        FanOut { publisher, stores, statuses, clock }
    }
}

/// Which adapter stands behind each port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urls {
    /// `sled:{folder}` or `memory:`.
    pub records: String,
    /// `log:{folder}` or `pubsub://{project}`.
    pub publisher: String,
    /// `folder:{path}`.
    pub objects: String,
    /// `host:port` of a Pub/Sub emulator, in place of Google's.
    pub pubsub_emulator: Option<String>,
    /// Whether messages of a device keep their order at Pub/Sub.
    pub ordering: Ordering,
}

/// Why a port could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL's scheme is none we know.
    #[error("{port} `{url}` is not known: use one of {known}")]
    UnknownScheme {
        /// Which port.
        port: &'static str,
        /// The URL as given.
        url: String,
        /// What would be understood.
        known: &'static str,
    },
    /// An adapter could not be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The folder of objects cannot be used.
    #[error("objects in {folder}: {source}")]
    Objects {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The topic log's folder cannot be used.
    #[error("topic log in {folder}: {source}")]
    TopicLog {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// Pub/Sub's client could not be made.
    #[error(transparent)]
    PubSub(#[from] infra_gcp::publisher::ConnectError),
}

/// Connects every port, or says which one cannot be and why.
pub async fn connect(urls: &Urls) -> Result<Ports, ConnectError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores = records(&urls.records)?;
    let publisher = publisher(urls, &clock).await?;
    let objects = objects(&urls.objects)?;
    let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
    Ok(Ports { stores, publisher, objects, statuses, clock })
}

fn records(url: &str) -> Result<Stores, ConnectError> {
    match url.split_once(':') {
        Some(("sled", folder)) if !folder.is_empty() => Ok(infra_local::sled_stores(Path::new(folder))?),
        Some(("memory", "")) => Ok(infra_local::memory_stores()),
        _ => Err(ConnectError::UnknownScheme { port: "records", url: url.into(), known: "sled:{folder}, memory:" }),
    }
}

fn objects(url: &str) -> Result<Arc<dyn ObjectStore>, ConnectError> {
    match url.split_once(':') {
        Some(("folder", folder)) if !folder.is_empty() => {
            let refused = |source| ConnectError::Objects { folder: folder.into(), source };
            Ok(Arc::new(FolderObjects::open(Path::new(folder)).map_err(refused)?))
        }
        _ => Err(ConnectError::UnknownScheme { port: "objects", url: url.into(), known: "folder:{path}" }),
    }
}

async fn publisher(urls: &Urls, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Publisher>, ConnectError> {
    match urls.publisher.split_once(':') {
        Some(("log", folder)) if !folder.is_empty() => {
            let refused = |source| ConnectError::TopicLog { folder: folder.into(), source };
            Ok(Arc::new(TopicLog::open(Path::new(folder), clock.clone()).map_err(refused)?))
        }
        Some(("pubsub", _)) => {
            let endpoint = urls.pubsub_emulator.clone().map_or(Endpoint::Google, Endpoint::Emulator);
            Ok(Arc::new(PubSub::connect(endpoint, urls.ordering).await?))
        }
        _ => {
            let known = "log:{folder}, pubsub://{project}";
            Err(ConnectError::UnknownScheme { port: "publisher", url: urls.publisher.clone(), known })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(records: &str, publisher: &str, objects: &str) -> Urls {
        let [records, publisher, objects] = [records, publisher, objects].map(Into::into);
        Urls { records, publisher, objects, pubsub_emulator: None, ordering: Ordering::Device }
    }

    #[tokio::test]
    async fn an_unknown_scheme_is_refused_with_the_known_ones() {
        let e = connect(&urls("redis://x", "log:/tmp", "folder:/tmp")).await.err().unwrap().to_string();
        assert!(e.contains("records `redis://x`") && e.contains("memory:"), "{e}");
        let e = connect(&urls("memory:", "kafka:x", "folder:/tmp")).await.err().unwrap().to_string();
        assert!(e.contains("publisher `kafka:x`") && e.contains("pubsub://"), "{e}");
        let log = format!("log:{}", std::env::temp_dir().join("drawbridge-connect-test").display());
        let e = connect(&urls("memory:", &log, "ftp://x")).await.err().unwrap().to_string();
        assert!(e.contains("objects `ftp://x`") && e.contains("folder:{path}"), "{e}");
    }
}
