//! What ten thousand connections cost that send nothing: devices that were let in, and strangers that were not.

use std::time::{Duration, Instant};

use anyhow::Result;
use benchmarks::Figure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::Server;
use crate::{Plan, connects, wire};

const CONNECTIONS: usize = 10_000;
/// After the last CONNACK: buffers of the handshake are given back by then.
const SETTLE: Duration = Duration::from_secs(1);

/// Resident KiB for each of the connections made since `before` bytes were resident.
async fn each(server: &Server, before: f64) -> Result<f64> {
    tokio::time::sleep(SETTLE).await;
    Ok((server.resident()? - before) / 1024.0 / CONNECTIONS as f64)
}

async fn over_tcp(plan: &Plan, server: &Server) -> Result<f64> {
    let before = server.resident()?;
    let mut held = Vec::with_capacity(CONNECTIONS);
    for n in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(server.tcp).await?;
        wire::enter(&mut stream, &wire::connect(n, &plan.keys.token)).await?;
        held.push(stream);
    }
    each(server, before).await
}

async fn over_tls(plan: &Plan, server: &Server) -> Result<f64> {
    let (before, connector) = (server.resident()?, connects::client(plan)?);
    let mut held = Vec::with_capacity(CONNECTIONS);
    for n in 0..CONNECTIONS {
        held.push(connects::connect(&connector, server.tls, &wire::connect(n, &plan.keys.token)).await?);
    }
    each(server, before).await
}

/// KiB for each stranger, and seconds until a device behind them all has its first PUBACK.
async fn strangers(plan: &Plan, server: &Server) -> Result<(f64, f64)> {
    let before = server.resident()?;
    let mut held = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        held.push(TcpStream::connect(server.tcp).await?);
    }
    let start = Instant::now();
    let mut device = TcpStream::connect(server.tcp).await?;
    wire::enter(&mut device, &wire::connect(0, &plan.keys.token)).await?;
    device.write_all(&wire::publish(0, 200).0).await?;
    device.read_exact(&mut [0; 4]).await?;
    let waited = start.elapsed().as_secs_f64();
    Ok((each(server, before).await?, waited))
}

pub(crate) async fn figures(plan: &Plan) -> Result<Vec<Figure>> {
    let bridge = || Server::bridge(plan, CONNECTIONS, 0);
    let figure = |name: &str, unit, ours, theirs: Option<f64>, goal| Figure {
        name: format!("{name}, {CONNECTIONS}"),
        unit,
        ours,
        peers: theirs.map(|value| ("mosquitto", value)).into_iter().collect(),
        goal,
    };
    let tcp = (over_tcp(plan, &bridge()?).await?, over_tcp(plan, &Server::mosquitto(plan)?).await?);
    let tls = (over_tls(plan, &bridge()?).await?, over_tls(plan, &Server::mosquitto(plan)?).await?);
    let (cost, waited) = strangers(plan, &bridge()?).await?;
    Ok(vec![
        figure("memory per idle connection", "KiB", tcp.0, Some(tcp.1), "<= 15 KiB"),
        figure("memory per idle TLS connection", "KiB", tls.0, Some(tls.1), ""),
        figure("memory per stranger that never sends CONNECT", "KiB", cost, None, "bounded"),
        figure("first PUBACK of a device behind strangers", "s", waited, None, "a device is not stopped"),
    ])
}
