//! MQTT over TLS: certificates change without a restart, and a silent client holds up nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use infra_bridge::Limits;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use support::client::{Client, Got, connect, packet, publish};
use support::{Rig, client_id, limits};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

/// A certificate for `localhost`, and the server configuration that shows it.
fn certificate() -> (CertificateDer<'static>, Arc<ServerConfig>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    (cert.der().clone(), Arc::new(config))
}

async fn open(addr: SocketAddr, root: &CertificateDer<'static>) -> std::io::Result<Client> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(addr).await?;
    let tls = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), tcp).await?;
    Ok(Client::over(Box::new(tls), 4))
}

struct Secure {
    rig: Rig,
    addr: SocketAddr,
    config: watch::Sender<Arc<ServerConfig>>,
    root: CertificateDer<'static>,
}

async fn secure(limits: Limits) -> Secure {
    let rig = Rig::with(limits).await;
    let (root, config) = certificate();
    let (config, receiver) = watch::channel(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let bridge = rig.bridge.clone();
    tokio::spawn(async move { bridge.serve_tls(listener, receiver, std::future::pending()).await });
    Secure { rig, addr, config, root }
}

#[tokio::test]
async fn a_device_publishes_over_tls() {
    let s = secure(limits()).await;
    let mut device = open(s.addr, &s.root).await.unwrap();
    let mut burst = connect(4, &client_id("dev"), &s.rig.key.token(), 60);
    for id in 1..=300 {
        burst.extend(publish(4, "/devices/dev/events", 1, id, &[7; 1000]));
    }
    device.send(&burst).await;
    assert!(matches!(device.next().await, Got::ConnAck { code: 0, .. }));
    for id in 1..=300 {
        assert_eq!(device.next().await, Got::PubAck(id));
    }
    assert_eq!(s.rig.sink.len(), 300);
}

#[tokio::test]
async fn a_new_certificate_needs_no_restart() {
    let s = secure(limits()).await;
    let mut old = open(s.addr, &s.root).await.unwrap();
    let (root, config) = certificate();
    s.config.send(config).unwrap();
    assert!(open(s.addr, &s.root).await.is_err(), "the old certificate is gone");
    assert!(open(s.addr, &root).await.is_ok());
    old.send(&connect(4, &client_id("dev"), &s.rig.key.token(), 60)).await;
    assert!(matches!(old.next().await, Got::ConnAck { code: 0, .. }), "open connections stay");
}

#[tokio::test]
async fn a_silent_tls_client_holds_up_nobody_and_is_closed() {
    let s = secure(Limits { connect_timeout: Duration::from_secs(1), ..limits() }).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(Client::over(Box::new(TcpStream::connect(s.addr).await.unwrap()), 4));
    }
    let start = Instant::now();
    let mut device = open(s.addr, &s.root).await.unwrap();
    device.send(&connect(4, &client_id("dev"), &s.rig.key.token(), 60)).await;
    assert!(matches!(device.next().await, Got::ConnAck { code: 0, .. }));
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    assert_eq!(silent[0].next().await, Got::Closed);
}

#[tokio::test]
async fn what_is_not_tls_is_refused() {
    let s = secure(limits()).await;
    let mut plain = Client::open(s.addr, 4).await;
    plain.send(&packet(0x10, &[0; 300])).await;
    // What comes back is a TLS alert, then the end.
    let mut answer = Vec::new();
    let _reset = tokio::io::AsyncReadExt::read_to_end(&mut plain.io, &mut answer).await;
    assert_eq!(answer.first(), Some(&0x15), "{answer:?}");
    support::eventually("the refusal", || s.rig.bridge.counters().refused_broken == 1).await;
}
