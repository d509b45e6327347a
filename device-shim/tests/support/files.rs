//! The real storage function over a folder, behind a line that ends where a test says.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use domain::credential::{DeviceCredential, PublicKey, PublicKeyFormat};
use domain::device::{Device, DeviceKey, GatewaySettings};
use domain::objects::{Access, ObjectRule};
use domain::ports::{Expect, Stores};
use domain::registry::{LogLevel, Registry};
use domain::status::StatusBook;
use infra_local::{FolderObjects, SystemClock};
use storage_download::Deps;

use crate::support::shim::{DEVICE, Shim, run};

/// Bytes that differ everywhere.
pub(crate) fn content(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(next).collect()
}

/// Has the shim look for its cloud at `cloud`, once that is known.
pub(crate) fn set_cloud(shim: &Shim, cloud: SocketAddr) {
    shim.write_config(([127, 0, 0, 1], 1).into(), &format!("cloud = \"http://{cloud}\"\n[accept]\nhttp = \"127.0.0.1:0\"\n"));
}

/// Exit code and all that the shim's program prints.
pub(crate) fn said(arguments: &[String]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), "");
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// What came, and what a test wants refused.
#[derive(Default)]
pub(crate) struct Seen {
    /// The `authorization` of each request.
    pub(crate) tokens: Vec<String>,
    /// Requests to answer 401 to, counted from 0.
    pub(crate) refuse: Vec<usize>,
}

/// Largest upload that the cloud takes.
pub(crate) const MAX_UPLOAD_BYTES: u64 = 4_000_000;

/// A cloud with a bucket `files`, all of it open to the device, and a folder of its own in a bucket `logs`.
pub(crate) struct Files {
    pub(crate) addr: SocketAddr,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

/// Serves a router until the process ends.
pub(crate) fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap() });
    });
    addr
}

async fn observe(State(seen): State<Arc<Mutex<Seen>>>, request: Request, next: Next) -> Response {
    let refused = {
        let mut seen = seen.lock().unwrap();
        let token = request.headers()["authorization"].to_str().unwrap().to_owned();
        seen.tokens.push(token);
        seen.refuse.contains(&(seen.tokens.len() - 1))
    };
    if refused {
        let body = r#"{"error":{"code":401,"message":"token expired","status":"UNAUTHENTICATED"}}"#;
        return (StatusCode::UNAUTHORIZED, body).into_response();
    }
    next.run(request).await
}

async fn store(stores: &Stores, pem: String) {
    let (registry, id) = DEVICE.rsplit_once("/devices/").unwrap();
    let key = DeviceKey { registry: registry.parse().unwrap(), id: id.parse().unwrap() };
    let rule = |path: &str, access| ObjectRule { path: path.into(), access };
    let rules = vec![rule("gs://files/", Access::Read), rule("gs://logs/{deviceId}/", Access::ReadWrite)];
    let record = Registry {
        name: key.registry.clone(),
        routes: Vec::new(),
        state_topic: None,
        mqtt_enabled: true,
        http_enabled: true,
        log_level: LogLevel::None,
        ca_certificates: Vec::new(),
        object_rules: rules,
        service_accounts: Vec::new(),
    };
    stores.registries.put(registry, &record, Expect::Absent).await.unwrap();
    let device = Device {
        key,
        num_id: 1,
        credentials: vec![DeviceCredential { key: PublicKey { format: PublicKeyFormat::Es256Pem, pem }, expires_at: None }],
        blocked: false,
        metadata: BTreeMap::new(),
        log_level: LogLevel::Unspecified,
        gateway: GatewaySettings::default(),
        service_accounts: Vec::new(),
    };
    stores.devices.put(DEVICE, &device, Expect::Absent).await.unwrap();
}

impl Files {
    /// A cloud that knows the key of `shim`.
    pub(crate) fn start(shim: &Shim) -> Self {
        let (stores, folder) = (infra_local::memory_stores(), tempfile::tempdir().unwrap());
        let pem = fs::read_to_string(shim.path("device.pub.pem")).unwrap();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(store(&stores, pem));
        let clock = Arc::new(SystemClock);
        let objects = Arc::new(FolderObjects::open(folder.path()).unwrap());
        let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
        let deps = Deps { objects, stores, statuses, clock, max_upload_bytes: MAX_UPLOAD_BYTES };
        let seen = Arc::<Mutex<Seen>>::default();
        let addr = serve(storage_download::router(deps).layer(from_fn_with_state(seen.clone(), observe)));
        Self { addr, folder, seen }
    }

    /// Puts a file into the bucket, whole.
    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        let bucket = self.folder.path().join("files");
        fs::create_dir_all(&bucket).unwrap();
        fs::write(bucket.join(".new"), content).unwrap();
        fs::rename(bucket.join(".new"), bucket.join(name)).unwrap();
    }
}

/// A line that carries so many bytes to the device in its first connections, and then all.
pub(crate) struct Line {
    pub(crate) addr: SocketAddr,
    /// Connections so far.
    pub(crate) connections: Arc<AtomicU64>,
    /// Bytes carried to the device so far.
    pub(crate) carried: Arc<AtomicU64>,
}

/// What happens when a connection has carried its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It is closed.
    Cut,
    /// It stays open and carries nothing.
    Hang,
}

impl Line {
    pub(crate) fn to(target: SocketAddr, limits: impl IntoIterator<Item = u64>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Self { addr: listener.local_addr().unwrap(), connections: Arc::default(), carried: Arc::default() };
        let (connections, carried) = (line.connections.clone(), line.carried.clone());
        let mut limits: VecDeque<u64> = limits.into_iter().collect();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, carried) = (client.unwrap(), carried.clone());
                connections.fetch_add(1, Ordering::SeqCst);
                let limit = limits.pop_front();
                thread::spawn(move || carry(&client, target, limit, then, &carried));
            }
        });
        line
    }
}

fn carry(client: &TcpStream, target: SocketAddr, limit: Option<u64>, then: Then, carried: &AtomicU64) -> io::Result<()> {
    let server = TcpStream::connect(target)?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut from, &mut to));
    let count = io::copy(&mut (&server).take(limit.unwrap_or(u64::MAX)), &mut &*client);
    carried.fetch_add(count.unwrap_or(0), Ordering::SeqCst);
    if limit.is_some() && then == Then::Hang {
        thread::park();
    }
    let _gone = client.shutdown(Shutdown::Both);
    server.shutdown(Shutdown::Both)
}

/// Names in a folder that a download of `image` may have made.
pub(crate) fn left_of_image(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("image")).collect();
    names.sort();
    names
}
