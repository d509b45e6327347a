//! Where messages go: a log on this machine's disk, or Pub/Sub.

use std::sync::Arc;

use domain::ports::{Clock, Publisher};
use infra_gcp::PubSub;

use super::{ConnectError, TopicLog, Urls, endpoint, schemes};

/// The publisher, and the log if it is one.
type Connected = (Arc<dyn Publisher>, Option<TopicLog>);

#[cfg_attr(not(feature = "full"), allow(unused_variables, reason = "adapters that are left out would take them"))]
pub(super) async fn connect(url: &str, urls: &Urls, clock: &Arc<dyn Clock>) -> Result<Connected, ConnectError> {
    match url.split_once(':') {
        #[cfg(feature = "full")]
        Some(("log", folder)) if !folder.is_empty() => {
            let refused = |source| ConnectError::TopicLog { folder: folder.into(), source };
            let log = TopicLog::open(std::path::Path::new(folder), clock.clone()).map_err(refused)?;
            Ok((Arc::new(log.clone()), Some(log)))
        }
        Some(("pubsub", _)) => {
            let pubsub = PubSub::connect(endpoint(urls.emulators.pubsub.as_ref(), &urls.emulators), urls.ordering).await?;
            Ok((Arc::new(pubsub), None))
        }
        #[cfg(not(feature = "full"))]
        Some((scheme @ "log", _)) => Err(crate::left_out::LeftOut::new("messages", scheme).into()),
        _ => Err(ConnectError::UnknownScheme { port: "publisher", url: url.into(), known: schemes::PUBLISHER }),
    }
}
