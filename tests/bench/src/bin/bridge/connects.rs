//! TLS connects per second: handshake, CONNECT, CONNACK, close.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use benchmarks::{Figure, median};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::process::Server;
use crate::{Plan, wire};

/// Devices that connect again and again.
const DEVICES: usize = 8;

pub(crate) fn client(plan: &Plan) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(plan.keys.file("server.crt")).context("certificate")?)?;
    let versions = &[&rustls::version::TLS13];
    let mut config = ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots).with_no_client_auth();
    // Every connect is a full handshake, as after a power cut of the whole fleet.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(crate) async fn connect(connector: &TlsConnector, addr: SocketAddr, hello: &[u8]) -> Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(addr).await?;
    tcp.set_nodelay(true)?;
    let mut tls = connector.connect(ServerName::try_from("localhost")?, tcp).await?;
    wire::enter(&mut tls, hello).await?;
    Ok(tls)
}

/// Connects per second, and microseconds of the server's processor for each.
async fn turn(plan: &Plan, server: &Server, connector: &TlsConnector) -> Result<(f64, f64)> {
    let done = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    let (start, cpu) = (Instant::now(), server.cpu()?);
    let end = start + plan.turn.max(Duration::from_secs(1));
    for n in 0..DEVICES {
        let (connector, done, addr) = (connector.clone(), done.clone(), server.tls);
        let hello = wire::connect(n, &plan.keys.token);
        tasks.spawn(async move {
            while Instant::now() < end {
                connect(&connector, addr, &hello).await?.shutdown().await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    let (took, cpu, done) = (start.elapsed(), server.cpu()? - cpu, done.load(Ordering::Relaxed) as f64);
    Ok((done / took.as_secs_f64(), cpu.as_secs_f64() * 1e6 / done))
}

pub(crate) async fn figures(plan: &Plan) -> Result<Vec<Figure>> {
    let connector = client(plan)?;
    let (bridge, mosquitto) = (Server::bridge(plan, DEVICES, 0)?, Server::mosquitto(plan)?);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..plan.turns {
        ours.push(turn(plan, &bridge, &connector).await?);
        theirs.push(turn(plan, &mosquitto, &connector).await?);
    }
    let figure = |name: &str, unit, of: fn(&(f64, f64)) -> f64| {
        let middle = |turns: &[(f64, f64)]| median(&turns.iter().map(of).collect::<Vec<_>>());
        Figure { name: name.into(), unit, ours: middle(&ours), peers: vec![("mosquitto", middle(&theirs))], goal: "" }
    };
    Ok(vec![figure("TLS 1.3 connects (ours verify ES256)", "1/s", |t| t.0), figure("processor time per TLS connect", "us", |t| t.1)])
}
