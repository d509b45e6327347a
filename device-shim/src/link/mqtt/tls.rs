//! Whom the shim trusts, and by what time it judges a certificate.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};

use super::TlsError;
use crate::clock::CloudClock;

/// Certificates are judged by the cloud's time as far as it is known, not by a wall clock that may stand at 1970.
#[derive(Debug)]
struct CloudTime(CloudClock);

impl TimeProvider for CloudTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now_ms())))
    }
}

/// TLS 1.2 and 1.3 with the roots of `ca`, else the system's.
pub(crate) fn client(ca: Option<&Path>, clock: &CloudClock) -> Result<Arc<rustls::ClientConfig>, TlsError> {
    let roots = match ca {
        Some(path) => given_roots(path)?,
        None => system_roots()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_details(provider, Arc::new(CloudTime(clock.clone())))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The same for a WebSocket: a server that speaks several protocols is told that HTTP/1.1 comes.
pub(crate) fn for_http(config: &rustls::ClientConfig) -> Arc<rustls::ClientConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// The same for HTTP at `url`. Where only `http` is spoken nobody has to be trusted, and a system without roots will do.
pub(crate) fn http_client(ca: Option<&Path>, url: &reqwest::Url, clock: &CloudClock) -> Result<rustls::ClientConfig, TlsError> {
    match client(ca, clock) {
        Ok(config) => Ok(Arc::unwrap_or_clone(config)),
        Err(_) if url.scheme() == "http" => {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
            Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        }
        Err(e) => Err(e),
    }
}

fn given_roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let refused = |problem: String| TlsError::Roots { path: path.into(), problem };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refused(error.to_string()))? {
        roots.add(certificate.map_err(|error| refused(error.to_string()))?)?;
    }
    if roots.is_empty() { Err(refused("it holds no certificate".into())) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let problem = found.errors.first().map_or_else(|| "none is installed; set `ca`".into(), ToString::to_string);
        return Err(TlsError::Roots { path: "the system's store".into(), problem });
    }
    Ok(roots)
}
