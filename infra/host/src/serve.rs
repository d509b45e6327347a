//! Where: listening on addresses of this machine, until it is told to stop.

mod http;

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use http::{HttpCounters, http, http_counters};

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{name} {address} cannot be listened on: {source}; choose another address or port 0")]
pub struct ListenError {
    /// The flag or variable it was given by.
    name: &'static str,
    address: SocketAddr,
    source: io::Error,
}

/// Binds `address`, and says which port it got.
pub async fn listen(name: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let refused = |source| ListenError { name, address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// Resolves when `stop` says so, or nobody is left to say it.
pub fn stopped(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + 'static {
    let mut stop = stop.subscribe();
    async move {
        // An error means that the sender is gone, which is a stop too.
        let _stop = stop.wait_for(|stop| *stop).await;
    }
}
