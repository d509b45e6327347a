//! How live sessions are reached: in this process, over NATS on whichever node they are, or at AWS IoT.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Clock, CommandChannel};
use infra_aws::AwsIot;
#[cfg(feature = "full")]
pub(crate) use infra_bridge::Bridge;
#[cfg(feature = "full")]
use infra_nats::Nats;
#[cfg(not(feature = "full"))]
pub(crate) use std::convert::Infallible as Bridge;

use super::nobody::Nobody;
use super::{ConnectError, schemes};

/// What a NATS server may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NatsFiles {
    /// A `.creds` file.
    pub credentials: Option<PathBuf>,
    /// Roots (PEM) to trust beside those of the system.
    pub roots: Option<PathBuf>,
    /// Our certificate and key (PEM).
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// How live sessions are reached.
#[derive(Debug, Clone)]
pub enum Channel {
    /// By the bridge of this process.
    Local,
    /// By the bus.
    #[cfg(feature = "full")]
    Nats(Nats),
    /// Not at all: there is no bridge.
    Nobody,
    /// By AWS IoT, which is the bridge.
    AwsIot(AwsIot),
}

impl Channel {
    /// A bridge that tells the other nodes of its sessions, if there are any.
    #[cfg(feature = "full")]
    pub fn bridge(&self, fan_out: pubsub_fanout::FanOut, limits: infra_bridge::Limits) -> Arc<Bridge> {
        let presence = match self {
            Self::Local | Self::Nobody | Self::AwsIot(_) => None,
            Self::Nats(nats) => Some(Arc::new(nats.clone()) as Arc<dyn domain::ports::Presence>),
        };
        Bridge::among_others(fan_out, limits, presence)
    }

    /// Before the process ends: commands that are under way to sessions that left are answered.
    #[cfg(feature = "full")]
    pub(crate) async fn settle(&self) {
        if let Self::Nats(nats) = self {
            nats.settle().await;
        }
    }

    /// What functions deliver by. `None` without a bridge here and without the bus: then nobody can be reached.
    pub fn commands(&self, bridge: Option<&Arc<Bridge>>) -> Option<Arc<dyn CommandChannel>> {
        match self {
            #[cfg(feature = "full")]
            Self::Local => bridge.map(Bridge::commands),
            #[cfg(not(feature = "full"))]
            Self::Local => bridge.map(|bridge| match **bridge {}),
            Self::Nobody => Some(Arc::new(Nobody)),
            #[cfg(feature = "full")]
            Self::Nats(nats) => Some(Arc::new(nats.clone())),
            Self::AwsIot(iot) => Some(Arc::new(iot.clone())),
        }
    }
}

#[cfg_attr(not(feature = "full"), allow(unused_variables, reason = "adapters that are left out would take them"))]
pub(super) async fn connect(
    url: &str,
    files: &NatsFiles,
    command_timeout: Duration,
    clock: &Arc<dyn Clock>,
    at_aws: impl FnOnce(Option<String>) -> AwsIot,
) -> Result<Channel, ConnectError> {
    match url.split_once(':') {
        Some(("local", "")) => Ok(Channel::Local),
        Some(("none", "")) => Ok(Channel::Nobody),
        #[cfg(feature = "full")]
        Some(("nats" | "tls", rest)) if rest.starts_with("//") => {
            let options = infra_nats::Options {
                servers: servers(url),
                credentials: files.credentials.clone(),
                roots: files.roots.clone(),
                certificate: files.certificate.clone(),
                command_timeout,
                node: rand::random(),
            };
            Ok(Channel::Nats(Nats::connect(options, clock.clone()).await?))
        }
        Some(("awsiot", "")) => Ok(Channel::AwsIot(at_aws(None))),
        Some(("awsiot", endpoint)) if is_host(endpoint.trim_start_matches("//")) && endpoint.starts_with("//") => {
            Ok(Channel::AwsIot(at_aws(Some(format!("https:{endpoint}")))))
        }
        #[cfg(not(feature = "full"))]
        Some((scheme @ ("nats" | "tls"), _)) => Err(crate::left_out::LeftOut::new("commands", scheme).into()),
        _ => Err(ConnectError::UnknownScheme { port: "commands", url: url.into(), known: schemes::COMMANDS }),
    }
}

/// A host name, with no path or user.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b))
}

#[cfg(feature = "full")]
/// `tls://a:1,b:2` is `tls://a:1` and `tls://b:2`.
fn servers(url: &str) -> Vec<String> {
    let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
    let whole = |server: &str| if server.contains("://") { server.to_owned() } else { format!("{scheme}//{server}") };
    rest.split(',').map(str::trim).filter(|s| !s.is_empty()).map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_share_the_scheme_of_the_first() {
        assert_eq!(servers("tls://a:1,b:2"), ["tls://a:1", "tls://b:2"]);
        assert_eq!(servers("nats://a:1, nats://b:2,"), ["nats://a:1", "nats://b:2"]);
        assert!(servers("nats://").is_empty());
    }
}
