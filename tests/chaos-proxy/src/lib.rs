//! # A TCP line that can be cut, delayed and black-holed
//!
//! A fault is injected in the wire, not in a mock: put a [`ChaosProxy`] between two real processes and break it.
//!
//! Promise: what arrives on one side arrives on the other complete and in order, or the connection ends.
//! A line that swallowed bytes is never joined again: [`ChaosProxy::restore`] ends it, as a router does that forgot it.
//! Bounds: loopback only; at most [`MAX_CONNECTIONS`] at once, [`IN_FLIGHT_CHUNKS`] chunks in flight each way.
//! Threads of the standard library only, so that it runs beside any runtime.

mod line;
mod pump;

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use line::Line;

/// Connections carried at once; one more is closed at once. Enough for a site of devices, few enough for a thread each.
pub const MAX_CONNECTIONS: usize = 64;

/// Chunks of at most [`CHUNK_BYTES`] on their way in one direction of one connection: then the sender waits.
pub const IN_FLIGHT_CHUNKS: usize = 256;

/// Bytes read at once.
pub const CHUNK_BYTES: usize = 16 * 1024;

/// How long a connection to the far side may take; on loopback it either answers or is not there.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From who connected to the address behind the proxy.
    Up,
    /// Back.
    Down,
}

/// A line to one address. Ends with its value: dropping it closes every connection.
#[derive(Debug)]
pub struct ChaosProxy {
    addr: SocketAddr,
    line: Arc<Line>,
    acceptor: Option<JoinHandle<()>>,
}

impl ChaosProxy {
    /// Opens a line to `target` on a free loopback port.
    ///
    /// # Errors
    /// `InvalidInput` for a target that is not on this machine; otherwise what binding answers.
    pub fn to(target: SocketAddr) -> io::Result<Self> {
        check_loopback(target)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let line = Arc::new(Line::to(target));
        let carried = Arc::clone(&line);
        let acceptor = thread::Builder::new().name("chaos-accept".into()).spawn(move || accept(&listener, &carried))?;
        Ok(Self { addr, line, acceptor: Some(acceptor) })
    }

    /// Where to connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Ends every live connection and closes each new one at once, until [`restore`](Self::restore).
    pub fn cut(&self) {
        self.line.cut();
    }

    /// Takes bytes and connections and answers nothing, until [`restore`](Self::restore): a half-open line.
    pub fn black_hole(&self) {
        self.line.black_hole();
    }

    /// Carries again. Connections that lost bytes end here.
    pub fn restore(&self) {
        self.line.restore();
    }

    /// Delays every byte in both directions by `latency`, without narrowing the line.
    pub fn delay(&self, latency: Duration) {
        self.line.delay(Direction::Up, latency);
        self.line.delay(Direction::Down, latency);
    }

    /// Delays every byte in one direction.
    pub fn delay_one_way(&self, direction: Direction, latency: Duration) {
        self.line.delay(direction, latency);
    }

    /// Ends each new connection when it has carried so many bytes in one direction; `None` lets them live again.
    pub fn cut_after(&self, direction: Direction, bytes: Option<u64>) {
        self.line.cut_after(direction, bytes);
    }

    /// Lets new connections go to another address: the far side was started anew on another port.
    ///
    /// # Errors
    /// `InvalidInput` for a target that is not on this machine.
    pub fn retarget(&self, target: SocketAddr) -> io::Result<()> {
        check_loopback(target)?;
        self.line.retarget(target);
        Ok(())
    }

    /// Connections alive now.
    pub fn live(&self) -> usize {
        self.line.live()
    }

    /// Connections that reached the far side since the start.
    pub fn carried(&self) -> u64 {
        self.line.carried()
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.line.stop();
        // The acceptor wakes up for one last connection, and sees that the line has stopped.
        let _woken = TcpStream::connect_timeout(&self.addr, CONNECT_TIMEOUT);
        if let Some(acceptor) = self.acceptor.take() {
            let _ended = acceptor.join();
        }
    }
}

fn check_loopback(target: SocketAddr) -> io::Result<()> {
    if target.ip().is_loopback() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::InvalidInput, format!("the line goes to loopback only, not to {target}")))
}

fn accept(listener: &TcpListener, line: &Arc<Line>) {
    for client in listener.incoming() {
        if line.has_stopped() {
            return;
        }
        // A client that is gone again, or a far side that is not there, ends that connection and nothing else.
        let _one = client.and_then(|c| pump::carry(c, line));
    }
}
