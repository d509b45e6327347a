//! The load: connections that each keep a number of QoS 1 publishes in flight.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::wire;

/// Bytes of a payload.
const PAYLOAD_BYTES: usize = 200;
/// With pings: one this often, on the publishing connection.
const PING_EVERY: Duration = Duration::from_millis(50);

/// What is counted while the load runs.
#[derive(Default)]
pub(crate) struct Tally {
    /// PUBACKs received.
    pub(crate) acks: AtomicU64,
    /// How long PINGRESPs took, in milliseconds.
    pub(crate) pings: Mutex<Vec<f64>>,
}

/// A running load; dropping it ends it.
pub(crate) struct Load {
    pub(crate) tally: Arc<Tally>,
    tasks: JoinSet<Result<()>>,
}

impl Load {
    /// Connects `connections` devices, then starts `window` publishes on each.
    pub(crate) async fn start(addr: SocketAddr, token: &str, connections: usize, window: usize, pings: bool) -> Result<Self> {
        let tally = Arc::new(Tally::default());
        let mut streams = Vec::with_capacity(connections);
        for n in 0..connections {
            let mut stream = TcpStream::connect(addr).await?;
            stream.set_nodelay(true)?;
            wire::enter(&mut stream, &wire::connect(n, token)).await?;
            streams.push(stream);
        }
        let mut tasks = JoinSet::new();
        for (n, stream) in streams.into_iter().enumerate() {
            let device = Device::new(n, stream, window, tally.clone());
            tasks.spawn(device.run(pings));
        }
        Ok(Self { tally, tasks })
    }

    /// Fails if a connection ended meanwhile.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.tasks.try_join_next() {
            Some(Ok(Err(e))) => Err(e),
            Some(_) => bail!("a connection ended"),
            None => Ok(()),
        }
    }
}

struct Device {
    stream: TcpStream,
    /// A window's worth of publishes, ready to send.
    burst: Vec<u8>,
    /// Length of one publish, and where its packet id stands.
    one: usize,
    id_at: usize,
    next_id: u16,
    window: usize,
    tally: Arc<Tally>,
    pinged: Option<Instant>,
}

impl Device {
    fn new(n: usize, stream: TcpStream, window: usize, tally: Arc<Tally>) -> Self {
        let (packet, id_at) = wire::publish(n, PAYLOAD_BYTES);
        Self { stream, burst: packet.repeat(window), one: packet.len(), id_at, next_id: 0, window, tally, pinged: None }
    }

    async fn send(&mut self, publishes: usize) -> Result<()> {
        for i in 0..publishes {
            self.next_id = if self.next_id == u16::MAX { 1 } else { self.next_id + 1 };
            let at = i * self.one + self.id_at;
            self.burst[at..at + 2].copy_from_slice(&self.next_id.to_be_bytes());
        }
        Ok(self.stream.write_all(&self.burst[..publishes * self.one]).await?)
    }

    async fn run(mut self, pings: bool) -> Result<()> {
        self.send(self.window).await?;
        let (mut buffer, mut filled) = ([0; 2048], 0);
        let mut ping = tokio::time::interval(PING_EVERY);
        loop {
            tokio::select! {
                read = self.stream.read(&mut buffer[filled..]) => {
                    let read = read?;
                    ensure!(read > 0, "the server closed the connection");
                    filled += read;
                    let (acks, used) = self.answers(&buffer[..filled])?;
                    buffer.copy_within(used..filled, 0);
                    filled -= used;
                    self.tally.acks.fetch_add(acks as u64, Ordering::Relaxed);
                    if acks > 0 {
                        self.send(acks).await?;
                    }
                }
                _ = ping.tick(), if pings && self.pinged.is_none() => {
                    self.stream.write_all(&[0xC0, 0]).await?;
                    self.pinged = Some(Instant::now());
                }
            }
        }
    }

    /// Counts the PUBACKs in `bytes`; answers them and the bytes used.
    fn answers(&mut self, bytes: &[u8]) -> Result<(usize, usize)> {
        let (mut acks, mut used) = (0, 0);
        loop {
            match bytes[used..] {
                [0x40, 2, _, _, ..] => {
                    acks += 1;
                    used += 4;
                }
                [0xD0, 0, ..] => {
                    used += 2;
                    let took = self.pinged.take().map_or(0.0, |at| at.elapsed().as_secs_f64() * 1e3);
                    self.tally.pings.lock().unwrap_or_else(PoisonError::into_inner).push(took);
                }
                [] | [0x40] | [0x40, 2] | [0x40, 2, _] | [0xD0] => return Ok((acks, used)),
                [other, ..] => bail!("unexpected packet {other:#04x}"),
            }
        }
    }
}
