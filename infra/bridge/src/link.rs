//! A connection's bytes: TCP, TLS or WebSocket, read into memory only when there is something to read.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::limits::READ_BYTES;

/// What MQTT travels over.
pub(crate) trait Link: AsyncRead + AsyncWrite + Send + Unpin {
    /// The device was let in: what it sends at once may be as long as its packets.
    fn let_in(&mut self) {}
    /// Whether the bridge goes away, and why the connection ends, for a link that can say so itself.
    fn say_at_close(&mut self, _away: bool, _why: &str) {}
    /// Whether `error` is about what the peer sent, and not about the line.
    fn is_violation(&self, _error: &io::Error) -> bool {
        false
    }
}

impl Link for TcpStream {}
impl Link for TlsStream<TcpStream> {}

thread_local! {
    // One per worker thread instead of one per connection: what an idle connection does not hold, it does not cost.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// Appends to `inbox` what one read brings. `Ok(0)` is the end of the stream.
pub(crate) fn poll_read(link: &mut dyn Link, cx: &mut Context<'_>, inbox: &mut BytesMut) -> Poll<io::Result<usize>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(link).poll_read(cx, &mut buffer))?;
        let filled = buffer.filled();
        if inbox.is_empty() {
            // Exactly what came, and a little more: the codec reserves up to 5 bytes behind every packet.
            *inbox = BytesMut::with_capacity(filled.len() + 16);
        }
        inbox.extend_from_slice(filled);
        Poll::Ready(Ok(filled.len()))
    })
}

/// Bytes on their way to the device.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Encoded packets.
    pub(crate) bytes: BytesMut,
    /// TLS may hold back the end of what it took until it is flushed.
    unflushed: bool,
}

impl Outbox {
    /// Whether everything has reached the socket.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && !self.unflushed
    }

    /// Writes once, as much as the socket takes; then flushes. Ready when something moved.
    pub(crate) fn poll_write(&mut self, link: &mut dyn Link, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            ready!(Pin::new(link).poll_flush(cx))?;
            self.unflushed = false;
            return Poll::Ready(Ok(()));
        }
        let written = ready!(Pin::new(&mut *link).poll_write(cx, &self.bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.bytes.advance(written);
        self.unflushed = true;
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
            if let Poll::Ready(flushed) = Pin::new(link).poll_flush(cx) {
                flushed?;
                self.unflushed = false;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// How long a closed connection may take to read its last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Writes `last` and closes. What the peer still sends is read and dropped for a moment: closing a socket with unread
/// bytes resets it, and the reset overtakes the last words.
pub(crate) async fn close(mut link: Box<dyn Link>, last: BytesMut) {
    let closing = async {
        link.write_all(&last).await?;
        link.shutdown().await?;
        let mut dropped = 0;
        while dropped < 16 * READ_BYTES {
            match link.read(&mut [0; 1024]).await? {
                0 => break,
                n => dropped += n,
            }
        }
        io::Result::Ok(())
    };
    // The peer may be gone already; there is nobody left to tell.
    let _gone_or_late = tokio::time::timeout(LAST_WORDS, closing).await;
}
