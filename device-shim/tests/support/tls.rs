//! TLS in front of a bridge.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::bridge::Bridge;

const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A root of its own, and TLS in front of `bridge` with a certificate for `localhost` that begins at `from`.
/// Returns the port and the root as PEM.
pub(crate) fn tls_before(bridge: &Bridge, from: SystemTime) -> (u16, String) {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_key = KeyPair::generate().unwrap();
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let mut leaf = CertificateParams::new(vec!["localhost".into()]).unwrap();
    (leaf.not_before, leaf.not_after) = (from.into(), (from + 5 * YEAR).into());
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(root, root_key)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![CertificateDer::from(leaf)], key).unwrap();
    (serve(TlsAcceptor::from(Arc::new(config)), bridge.addr), root_pem)
}

fn serve(acceptor: TlsAcceptor, bridge: std::net::SocketAddr) -> u16 {
    let (tell, port) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            while let Ok((tcp, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                    let mut plain = TcpStream::connect(bridge).await.unwrap();
                    let _ended = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
                });
            }
        });
    });
    port.recv().unwrap()
}
