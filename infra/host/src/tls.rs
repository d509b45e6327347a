//! The TLS side of the MQTT listener: TLS 1.2 and 1.3, one certificate chain, no client certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;

/// Why the certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read or holds nothing of the kind.
    #[error("{what} `{path}`: {reason}")]
    File {
        /// `--tls-cert` or `--tls-key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The two do not fit together, or are of a kind we cannot serve.
    #[error("--tls-cert and --tls-key cannot be used together: {0}")]
    Pair(#[from] rustls::Error),
}

/// The certificate that a listener serves, and where it is read again from.
pub(crate) struct Served {
    /// Certificate chain and key (PEM); `None` for what outlives the process.
    files: Option<(PathBuf, PathBuf)>,
    config: watch::Sender<Arc<ServerConfig>>,
}

impl Served {
    /// What `reload` reads again.
    pub(crate) fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self { files: Some((certificate.to_owned(), key.to_owned())), ..Self::once(certificate, key)? })
    }

    /// What stays as it is.
    pub(crate) fn once(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Ok(Self { files: None, config: watch::Sender::new(server_config(certificate, key)?) })
    }

    /// What connections are made with, from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.config.subscribe()
    }

    /// Reads certificate and key again; connections made from now on get the new one. On an error the old one stays.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        if let Some((certificate, key)) = &self.files {
            self.config.send_replace(server_config(certificate, key)?);
            tracing::info!("Serving the certificate of {} from now on", certificate.display());
        }
        Ok(())
    }
}

/// A server configuration from PEM files.
pub fn server_config(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let file = |what, path: &Path, reason: String| TlsError::File { what, path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| file("--tls-cert", certificate, e.to_string()))?;
    if chain.is_empty() {
        return Err(file("--tls-cert", certificate, "no CERTIFICATE block in it".into()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| file("--tls-key", key, e.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_no_client_auth().with_single_cert(chain, key)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    #[test]
    fn a_new_certificate_is_served_and_one_that_cannot_be_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let write = || {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            fs::write(&certificate, made.cert.pem()).unwrap();
            fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        };
        write();
        let served = Served::read(&certificate, &key).unwrap();
        let mut connections = served.subscribe();
        write();
        served.reload().unwrap();
        assert!(connections.has_changed().unwrap());
        let new = connections.borrow_and_update().clone();
        fs::write(&certificate, "no certificate").unwrap();
        assert!(served.reload().unwrap_err().to_string().contains("no CERTIFICATE block"));
        assert!(!connections.has_changed().unwrap() && Arc::ptr_eq(&new, &connections.borrow()));
    }
}
