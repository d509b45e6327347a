//! `cargo xtask bench grpc`: one device read over gRPC, beside the same over REST in the same run.
//!
//! | figure | how |
//! | --- | --- |
//! | GetDevice over gRPC | one call at a time over a kept connection; the answer is read as a message |
//! | REST, HTTP/1.1 | the same device over REST; the reply is read as JSON |
//! | REST, HTTP/2 | the same over the version of HTTP that gRPC has, so that what is left is the way into JSON and back |
//!
//! `drawbridge-function` is a process, its records are in memory. Figures are taken in turns, so that other work on the machine
//! hits all.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use benchmarks::{Figure, percentile};
use device_registry::pb;
use http_body_util::BodyExt as _;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use stage::{ADMIN_TOKEN, Administrator, Node};
use tokio::net::TcpStream;

/// Turns; all samples of all turns are put together.
const TURNS: usize = 10;
/// Samples of one figure in a turn.
const SAMPLES: usize = 500;
const PROJECT: &str = "bench";

/// Kept connections to one process.
struct Lines {
    http1: http1::SendRequest<Body>,
    http2: http2::SendRequest<Body>,
    device: String,
}

#[derive(Default)]
struct Samples {
    grpc: Vec<f64>,
    rest: Vec<f64>,
    rest2: Vec<f64>,
}

impl Lines {
    async fn to(at: SocketAddr, device: String) -> Result<Self> {
        let (http1, served) = http1::handshake(TokioIo::new(line(at).await?)).await?;
        tokio::spawn(served);
        let (http2, served) = http2::handshake(TokioExecutor::new(), TokioIo::new(line(at).await?)).await?;
        tokio::spawn(served);
        Ok(Self { http1, http2, device })
    }

    fn get(&self) -> Result<Request<Body>> {
        let request = Request::get(format!("http://h/v1/{}", self.device)).header("host", "h");
        Ok(request.header("authorization", format!("Bearer {ADMIN_TOKEN}")).body(Body::empty())?)
    }

    async fn rest(&mut self) -> Result<()> {
        let request = self.get()?;
        self.http1.ready().await?;
        is_the_device(&serde_json::from_slice(&whole(self.http1.send_request(request).await?).await?.0)?)
    }

    async fn rest2(&mut self) -> Result<()> {
        let request = self.get()?;
        self.http2.ready().await?;
        is_the_device(&serde_json::from_slice(&whole(self.http2.send_request(request).await?).await?.0)?)
    }

    async fn grpc(&mut self) -> Result<()> {
        let message = pb::GetDeviceRequest { name: self.device.clone(), field_mask: None }.encode_to_vec();
        let framed = [&[0][..], &u32::try_from(message.len())?.to_be_bytes(), &message].concat();
        let request = Request::post("http://h/google.cloud.iot.v1.DeviceManager/GetDevice").header("te", "trailers");
        let request = request.header("content-type", "application/grpc").header("authorization", format!("Bearer {ADMIN_TOKEN}"));
        self.http2.ready().await?;
        let (body, trailers) = whole(self.http2.send_request(request.body(framed.into())?).await?).await?;
        ensure!(trailers.get("grpc-status").is_some_and(|status| status == "0"), "{trailers:?}");
        is_the_device(&pb::Device::decode(body.get(5..).context("no message")?)?)
    }
}

async fn line(at: SocketAddr) -> Result<TcpStream> {
    let tcp = TcpStream::connect(at).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

async fn whole(response: hyper::Response<hyper::body::Incoming>) -> Result<(Bytes, HeaderMap)> {
    ensure!(response.status() == 200, "HTTP {}", response.status());
    let body = response.into_body().collect().await?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok((body.to_bytes(), trailers))
}

fn is_the_device(device: &pb::Device) -> Result<()> {
    ensure!(device.id == "device" && device.credentials.len() == 1, "{device:?}");
    Ok(())
}

fn start(dir: &Path) -> Result<(Node, String)> {
    let program =
        std::env::var("DRAWBRIDGE_TEST_FUNCTION").context("DRAWBRIDGE_TEST_FUNCTION is not set: run this by `cargo xtask bench grpc`")?;
    let variables = [
        ("DRAWBRIDGE_FUNCTIONS", "device-registry,command-relay"),
        ("DRAWBRIDGE_RECORDS", "memory:"),
        ("DRAWBRIDGE_COMMANDS", "none:"),
        ("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN),
    ];
    let node = Node::start(Path::new(&program), dir, "registry", &variables)?;
    let administrator = Administrator { http: node.http, project: PROJECT.into() };
    administrator.create_registry("reg", "events")?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let device = administrator.create_device("reg", "device", &key.public_key_pem())?;
    Ok((node, device.name()))
}

async fn turn(lines: &mut Lines, all: &mut Samples) -> Result<()> {
    async fn timed(into: &mut Vec<f64>, mut work: impl AsyncFnMut() -> Result<()>) -> Result<()> {
        for _ in 0..SAMPLES {
            let begun = Instant::now();
            work().await?;
            into.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        Ok(())
    }
    timed(&mut all.rest, async || lines.rest().await).await?;
    timed(&mut all.grpc, async || lines.grpc().await).await?;
    timed(&mut all.rest2, async || lines.rest2().await).await
}

fn main() -> Result<()> {
    let dir = tempfile::tempdir().context("a scratch folder")?;
    let (node, device) = start(dir.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let all = runtime.block_on(async {
        let mut lines = Lines::to(node.http, device).await?;
        let mut all = Samples::default();
        for turn_number in 0..=TURNS {
            turn(&mut lines, &mut all).await?;
            // The first turn warms up and does not count.
            if turn_number == 0 {
                all = Samples::default();
            }
        }
        anyhow::Ok(all)
    })?;
    let figures = [(0.5, "median"), (0.99, "p99")].map(|(share, of)| Figure {
        name: format!("GetDevice over gRPC, {of}"),
        unit: "us",
        ours: percentile(&all.grpc, share),
        peers: vec![("REST, HTTP/1.1", percentile(&all.rest, share)), ("REST, HTTP/2", percentile(&all.rest2, share))],
        goal: "",
    });
    let mut out = std::io::stdout().lock();
    benchmarks::print(&mut out, "grpc", &figures)?;
    Ok(out.flush()?)
}
