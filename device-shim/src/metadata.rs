//! `drawbridge-shim serve-metadata`: gives programs on this device access tokens as the metadata server of a Compute
//! Engine machine does, so that Google's own client libraries find credentials here without a key file.
//!
//! | path | answers |
//! | --- | --- |
//! | `GET /` | that it is here, with `Metadata-Flavor: Google` |
//! | `GET /computeMetadata/v1/instance/service-accounts/default/token` | an access token; `?scopes=A,B` for other scopes |
//! | `GET …/default/email`, `…/default/scopes`, `…/default/aliases`, `…/default/?recursive=true` | whose it is |
//! | `GET /computeMetadata/v1/project/project-id` | the device's project |
//! | `GET /computeMetadata/v1/universe/universe-domain` | `googleapis.com` |
//!
//! Promise: it listens on loopback alone; a request without `Metadata-Flavor: Google`, or one that was forwarded, is
//! refused with 403, as the real one does, so that no page and no proxy gets a token. A token is asked for once, however
//! many want it, and kept until near its end ([`cache`]). Whoever may run a program on this device may have its tokens:
//! that is what such a server is.
//! Not served: identity tokens, keys, anything else of the real server; 404 says so.

pub mod cache;
mod routes;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::accept::listener::{Cap, CappedListener, Connections};
use crate::access_token::{AccessTokenError, TokenClient, Wish};
use crate::cli::{self, DEFAULT_CONFIG, EXIT_USAGE};
use crate::config::Config;

use cache::TokenCache;

/// Connections at a time: every program of a device has one or two. Further ones are closed.
const MAX_CONNECTIONS: usize = 64;
/// What a token is for when nobody says otherwise, as on a machine at Google.
const DEFAULT_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Options of `serve-metadata`.
#[derive(Debug, clap::Args)]
pub struct MetadataOptions {
    /// Configuration file; its `cloud` is where the token service is.
    #[arg(long, env = "DRAWBRIDGE_SHIM_CONFIG", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// A loopback address with a port; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8174", value_parser = loopback)]
    pub listen: SocketAddr,
    /// Scope of tokens that are asked for without one; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE", default_value = DEFAULT_SCOPE)]
    pub scopes: Vec<String>,
    /// The service account to act as; without, the device itself.
    #[arg(long, value_name = "EMAIL")]
    pub service_account: Option<String>,
}

/// Other machines get no tokens of this device.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: Option<SocketAddr> = text.parse().ok();
    address
        .filter(|address| address.ip().is_loopback())
        .ok_or_else(|| "it must be a loopback address with a port, as in 127.0.0.1:8174".into())
}

/// What the handlers need.
#[derive(Clone)]
struct Served {
    cache: Arc<TokenCache>,
    default: Wish,
    project: Arc<str>,
}

impl Served {
    /// How the account is called: its address, or `default` where the device is itself.
    fn email(&self) -> &str {
        self.default.service_account.as_deref().unwrap_or("default")
    }
}

/// `drawbridge-shim serve-metadata`: until stopped; 64 when what was asked makes no sense, 1 when it cannot serve.
#[must_use]
pub fn main(options: &MetadataOptions) -> ExitCode {
    cli::log_to_stderr();
    let client = match Config::load(&options.config).inspect(cli::warn_of_clear).map_err(AccessTokenError::from).and_then(TokenClient::new)
    {
        Ok(client) => client,
        Err(error) if error.is_usage() => return cli::fail(EXIT_USAGE, &error),
        Err(error) => return cli::fail(1, &error),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::fail(1, &error),
    };
    let ended = runtime.block_on(async { serve(options, client, cli::stop_signal()?).await });
    // A connection that does not end must not hold up the stop.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::fail(1, &format!("cannot serve on {}: {error}", options.listen)),
    }
}

async fn serve(options: &MetadataOptions, client: TokenClient, stop: CancellationToken) -> std::io::Result<()> {
    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let default = Wish { scope: options.scopes.join(" "), service_account: options.service_account.clone() };
    let device = client.device().clone();
    let served = Served { project: device.registry.project.to_string().into(), cache: Arc::new(TokenCache::new(client)), default };
    let greeting =
        format!("Access tokens of {device} for programs on this device:\n  export GCE_METADATA_HOST={address} GCE_METADATA_IP={address}\n");
    let _closed = cli::print(&greeting);
    let cache = Arc::clone(&served.cache);
    let listener = CappedListener { listener, cap: Cap::new(MAX_CONNECTIONS, Arc::new(Connections::default())) };
    let serving = axum::serve(listener, routes::router(served)).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::select! {
        ended = serving => ended?,
        () = async { stop.cancelled().await; tokio::time::sleep(LAST_ANSWERS).await } => {}
    }
    tracing::info!(counters = ?cache.counters(), "Stopped");
    Ok(())
}

/// How long answers under way may take after the stop.
const LAST_ANSWERS: std::time::Duration = std::time::Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_not_listened_to() {
        assert!(loopback("127.0.0.1:0").is_ok() && loopback("[::1]:80").is_ok() && loopback("127.8.8.8:1").is_ok());
        for no in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "localhost:80", "127.0.0.1", ""] {
            assert!(loopback(no).unwrap_err().contains("loopback"), "{no}");
        }
    }
}
