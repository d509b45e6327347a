//! The bridge under test, in a process of its own: memory records, a sink that counts nothing and keeps nothing.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use domain::device::GatewaySettings;
use domain::ports::{Expect, Publisher, Stores};
use domain::registry::LogLevel;
use domain::status::StatusBook;
use domain::{Device, DeviceCredential, DeviceKey, Message, PortError, PublicKey, PublicKeyFormat, Registry, Route};
use infra_bridge::{Bridge, Limits};
use infra_local::{SystemClock, memory_stores};
use protocol::TopicName;
use pubsub_fanout::FanOut;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// First argument of the child process.
pub(crate) const CHILD: &str = "serve-bridge";

/// Registry of all devices.
pub(crate) const REGISTRY: &str = "projects/bench/locations/us-central1/registries/bench";

/// The id of the `n`th device.
pub(crate) fn device_id(n: usize) -> String {
    format!("device-{n}")
}

struct Sink(Duration);

#[async_trait]
impl Publisher for Sink {
    async fn publish(&self, _: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        if !self.0.is_zero() {
            tokio::time::sleep(self.0).await;
        }
        messages.into_iter().map(|_| Ok(String::new())).collect()
    }
}

/// Serves until stdin ends. Arguments: devices, sink delay in ms, files of device key, certificate and its key.
pub(crate) fn run() -> Result<()> {
    let args: Vec<_> = std::env::args().skip(2).collect();
    let [devices, delay_ms, device_key, certificate, key] = &args[..] else { anyhow::bail!("five arguments") };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let tls = tls(certificate, key)?;
    let device_key = std::fs::read_to_string(device_key)?;
    let (devices, delay) = (devices.parse()?, Duration::from_millis(delay_ms.parse()?));
    runtime.block_on(async move {
        let stores = memory_stores();
        fill(&stores, devices, &device_key).await?;
        let clock = Arc::new(SystemClock);
        let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
        let bridge = Bridge::new(FanOut { publisher: Arc::new(Sink(delay)), stores, statuses, clock }, Limits::default());
        let (tcp_listener, tls_listener) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        println!("{} {}", tcp_listener.local_addr()?, tls_listener.local_addr()?);
        std::io::stdout().flush()?;
        let (_sender, config) = watch::channel(tls);
        tokio::join!(bridge.serve_tcp(tcp_listener, std::future::pending()), bridge.serve_tls(tls_listener, config, parent_gone()));
        Ok(())
    })
}

/// Ends the process with its parent, however that ended.
async fn parent_gone() {
    let _read = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
    std::process::exit(0);
}

fn tls(certificate: &str, key: &str) -> Result<Arc<rustls::ServerConfig>> {
    let certificate = CertificateDer::from_pem_file(certificate).context("certificate")?;
    let key = PrivateKeyDer::from_pem_file(key).context("key")?;
    Ok(Arc::new(rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?))
}

async fn fill(stores: &Stores, devices: usize, pem: &str) -> Result<()> {
    let route = Route { topic: "projects/bench/topics/events".parse()?, subfolder_matches: String::new(), fan_out: false };
    let registry = Registry {
        name: REGISTRY.parse()?,
        routes: vec![route],
        state_topic: None,
        mqtt_enabled: true,
        http_enabled: true,
        log_level: LogLevel::None,
        ca_certificates: vec![],
        object_rules: vec![],
        service_accounts: Vec::new(),
    };
    stores.registries.put(REGISTRY, &registry, Expect::Anything).await?;
    let key = PublicKey { format: PublicKeyFormat::Es256Pem, pem: pem.to_owned() };
    for n in 0..devices {
        let device = Device {
            key: DeviceKey { registry: REGISTRY.parse()?, id: device_id(n).parse()? },
            num_id: n as u64 + 1,
            credentials: vec![DeviceCredential { key: key.clone(), expires_at: None }],
            blocked: false,
            metadata: BTreeMap::new(),
            log_level: LogLevel::Unspecified,
            gateway: GatewaySettings::default(),
            service_accounts: Vec::new(),
        };
        stores.devices.put(&device.key.to_string(), &device, Expect::Anything).await?;
    }
    Ok(())
}
