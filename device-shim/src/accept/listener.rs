//! Listeners with a cap: a connection above it is closed at once and counted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// How long to wait when the system has no descriptor for a further connection.
const AFTER_AN_ERROR: Duration = Duration::from_millis(100);

/// Connections of one or more listeners.
#[derive(Debug, Default)]
pub struct Connections {
    /// Open now.
    pub open: AtomicU64,
    /// Closed at once, because there were too many.
    pub refused: AtomicU64,
}

/// At most so many connections of a listener at a time.
#[derive(Clone)]
pub struct Cap {
    free: Arc<tokio::sync::Semaphore>,
    counters: Arc<Connections>,
}

impl Cap {
    /// A cap of `max` connections.
    #[must_use]
    pub fn new(max: usize, counters: Arc<Connections>) -> Self {
        Self { free: Arc::new(tokio::sync::Semaphore::new(max)), counters }
    }

    /// Wraps a connection, or closes it when there are too many.
    fn admit<T>(&self, io: T) -> Option<Capped<T>> {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        self.counters.open.fetch_add(1, Ordering::Relaxed);
        Some(Capped { io, open: Open { _permit: permit, counters: Arc::clone(&self.counters) } })
    }

    /// The next connection to `listener` that the cap has room for.
    pub async fn accept_tcp(&self, listener: &TcpListener) -> Capped<TcpStream> {
        self.next(|| listener.accept()).await
    }

    /// The next connection to `listener` that the cap has room for.
    pub async fn accept_unix(&self, listener: &UnixListener) -> Capped<UnixStream> {
        self.next(|| listener.accept()).await
    }

    async fn next<T, Peer, F>(&self, mut accept: impl FnMut() -> F) -> Capped<T>
    where
        F: Future<Output = io::Result<(T, Peer)>>,
    {
        loop {
            match accept().await {
                Ok((io, _)) => {
                    if let Some(io) = self.admit(io) {
                        return io;
                    }
                }
                Err(error) => pause(&error).await,
            }
        }
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "Could not accept a connection");
    tokio::time::sleep(AFTER_AN_ERROR).await;
}

/// A connection that counts as open until it is dropped.
pub struct Capped<T> {
    io: T,
    /// Dropped after the connection.
    open: Open,
}

/// A place under the cap.
pub struct Open {
    _permit: tokio::sync::OwnedSemaphorePermit,
    counters: Arc<Connections>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counters.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Capped<T> {
    /// The connection and its place.
    pub fn split(self) -> (T, Open) {
        (self.io, self.open)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Capped<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Capped<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A TCP listener under a cap, as axum serves it.
pub struct CappedListener {
    /// The listener.
    pub listener: TcpListener,
    /// The cap.
    pub cap: Cap,
}

impl Listener for CappedListener {
    type Io = Capped<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let io = self.cap.accept_tcp(&self.listener).await;
        let peer = io.io.peer_addr().unwrap_or(([127, 0, 0, 1], 0).into());
        (io, peer)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
