//! Where the servers are and how we prove who we are.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};

/// Most servers that may be named: the largest cluster NATS itself advises, with room.
const MAX_SERVERS: usize = 16;
/// A silent server is given up after two of these: 10 s, well below a command's time limit.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long one attempt to connect may take, TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest pause between two attempts: a bus that is back is found within a second.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Messages of one session that may wait to be read. Past it they are dropped and counted.
pub(crate) const QUEUED: usize = 64;

/// How to reach NATS.
#[derive(Debug, Clone)]
pub struct Options {
    /// `nats://host:port`, or `tls://host:port` to demand TLS; `host:port` is `nats://`. One or more of one cluster.
    pub servers: Vec<String>,
    /// A `.creds` file (JWT and seed), as `nsc` makes it.
    pub credentials: Option<PathBuf>,
    /// Roots (PEM) to trust beside those of the system.
    pub roots: Option<PathBuf>,
    /// Our certificate and key (PEM), where the servers ask for one.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// How long a bridge node waits for a device's acknowledgement.
    pub command_timeout: Duration,
    /// Of this process; no other may have it.
    pub node: u64,
}

/// Why the bus cannot be used at all. A server that is down is no such reason.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// None, or too many.
    #[error("{0} NATS servers are named: name 1 to {MAX_SERVERS}, as nats://host:port[,host:port]")]
    Servers(usize),
    /// An address is none.
    #[error("`{given}` is no NATS server: {reason}; expected host:port, nats://host:port or tls://host:port")]
    Address {
        /// As given.
        given: String,
        /// Why.
        reason: String,
    },
    /// The credentials cannot be used.
    #[error("the NATS credentials in {}: {reason}", .path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A certificate cannot be read.
    #[error("the NATS certificates: {0}")]
    Client(#[from] async_nats::ConnectError),
}

impl Options {
    pub(crate) fn addresses(&self) -> Result<Vec<ServerAddr>, NatsError> {
        if self.servers.is_empty() || self.servers.len() > MAX_SERVERS {
            return Err(NatsError::Servers(self.servers.len()));
        }
        self.servers.iter().map(|given| address(given)).collect()
    }

    pub(crate) async fn client_options(&self) -> Result<ConnectOptions, NatsError> {
        let mut options = ConnectOptions::new()
            .name("drawbridge")
            .retry_on_initial_connect()
            .connection_timeout(CONNECT_LIMIT)
            .ping_interval(PING_EVERY)
            .subscription_capacity(QUEUED)
            .reconnect_delay_callback(pause);
        if let Some(path) = &self.credentials {
            let refused = |e: std::io::Error| NatsError::Credentials { path: path.clone(), reason: e.to_string() };
            options = options.credentials_file(path).await.map_err(refused)?;
        }
        if let Some(roots) = &self.roots {
            options = options.add_root_certificates(roots.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        Ok(options)
    }
}

fn address(given: &str) -> Result<ServerAddr, NatsError> {
    let refused = |reason: String| NatsError::Address { given: given.into(), reason };
    let address: ServerAddr = given.parse().map_err(|e: std::io::Error| refused(e.to_string()))?;
    if address.has_user_pass() || address.password().is_some() {
        // It would stand in process lists and logs.
        return Err(NatsError::Address {
            given: "(not shown)".into(),
            reason: "a secret does not belong into a URL, use a credentials file".into(),
        });
    }
    match address.scheme() {
        "nats" | "tls" if !address.host().is_empty() => Ok(address),
        scheme => Err(refused(format!("scheme `{scheme}` with host `{}`", address.host()))),
    }
}

/// Doubles from 4 ms to [`LONGEST_PAUSE`].
fn pause(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(10);
    Duration::from_millis(2 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_before_anything_starts() {
        for good in ["nats://n1:4222", "tls://n1:4222", "127.0.0.1:4222", "[::1]:4222"] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in ["http://n1:4222", "wss://n1", "nats://", "nats://a b:1"] {
            assert!(address(bad).unwrap_err().to_string().contains("expected host:port"), "{bad}");
        }
        let secret = address("nats://me:hush@n1:4222").unwrap_err().to_string();
        assert!(secret.contains("credentials file") && !secret.contains("hush"), "{secret}");
    }

    #[test]
    fn pauses_double_up_to_a_second() {
        assert_eq!([0, 1, 2, 8, 9, 500].map(|n| pause(n).as_millis()), [2, 4, 8, 512, 1000, 1000]);
    }
}
