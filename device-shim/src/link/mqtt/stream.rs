//! TCP, with or without TLS on it, with or without WebSocket on that.

use std::sync::Arc;

use rustls::CertificateError;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::upgrade;
use crate::config::Bridge;
use crate::link::LinkError;

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a WebSocket may stand on.
pub(super) type Line = Either<TcpStream, TlsStream<TcpStream>>;

/// Resolves, connects and, when asked to, shakes hands. The caller bounds the time.
pub(super) async fn open(bridge: &Bridge, tls: Option<&Arc<rustls::ClientConfig>>) -> Result<Box<dyn Stream>, LinkError> {
    let line = open_line(bridge, tls).await?;
    let Some(path) = &bridge.path else { return Ok(Box::new(line)) };
    let failed = |problem| LinkError::Unreachable { step: "open a WebSocket at", peer: bridge.to_string(), problem };
    upgrade::open(line, bridge, path).await.map_err(failed)
}

async fn open_line(bridge: &Bridge, tls: Option<&Arc<rustls::ClientConfig>>) -> Result<Line, LinkError> {
    let peer = format!("{}:{}", bridge.host, bridge.port);
    let failed = |step, problem: String| LinkError::Unreachable { step, peer: peer.clone(), problem };
    let addresses: Vec<_> =
        tokio::net::lookup_host((bridge.host.as_str(), bridge.port)).await.map_err(|error| failed("resolve", error.to_string()))?.collect();
    let tcp = TcpStream::connect(addresses.as_slice()).await.map_err(|error| failed("reach", error.to_string()))?;
    // A window is written at once; waiting for more would only delay it.
    tcp.set_nodelay(true).map_err(|error| failed("reach", error.to_string()))?;
    let Some(tls) = tls else { return Ok(Either::Left(tcp)) };
    let name = ServerName::try_from(bridge.host.clone()).map_err(|error| failed("speak TLS with", error.to_string()))?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await;
    Ok(Either::Right(stream.map_err(|error| match not_yet_valid(&error) {
        Some((not_before_ms, now_ms)) => LinkError::NotYetValid { peer: peer.clone(), not_before_ms, now_ms },
        None => failed("speak TLS with", error.to_string()),
    })?))
}

/// When the certificate begins, and the time it was judged by, in milliseconds since 1970.
fn not_yet_valid(error: &std::io::Error) -> Option<(u64, u64)> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { time, not_before }) => {
            Some((not_before.as_secs() * 1_000, time.as_secs() * 1_000))
        }
        _ => None,
    }
}
