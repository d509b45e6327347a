//! The bytes in the frames.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

pub use tungstenite::protocol::frame::coding::CloseCode;

use crate::now::Now;

/// Bytes asked of a socket in one read, and kept by a connection that is idle.
const READ_BYTES: usize = 4 * 1024;
/// Payload of the largest frame that is sent: what a peer that takes nothing makes us keep.
const FRAME_BYTES: usize = 64 * 1024;
/// Longest reason of a Close frame: 125 bytes of a control frame less the code (RFC 6455, 5.5.1).
const REASON_BYTES: usize = 123;

/// What the peer may not do. The kind of the [`io::Error`] around it is `InvalidData`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Close code 1003.
    #[error("a WebSocket text frame came: MQTT travels in binary frames")]
    Text,
    /// Close code 1009.
    #[error("a WebSocket message of {size} bytes exceeds the limit of {limit} bytes")]
    TooLong {
        /// Its bytes, as far as they are known.
        size: usize,
        /// Those allowed.
        limit: usize,
    },
    /// Close code 1002.
    #[error("broken WebSocket frame: {0}")]
    Frame(String),
}

impl Violation {
    fn of(error: Error) -> Result<Self, io::Error> {
        match error {
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => Ok(Self::TooLong { size, limit: max_size }),
            // Only a text frame is asked to be UTF-8, and a Close frame, whose reason nobody needs.
            Error::Utf8(_) => Ok(Self::Text),
            Error::Io(error) => Err(error),
            other => Ok(Self::Frame(other.to_string())),
        }
    }

    fn code(&self) -> CloseCode {
        match self {
            Self::Text => CloseCode::Unsupported,
            Self::TooLong { .. } => CloseCode::Size,
            Self::Frame(_) => CloseCode::Protocol,
        }
    }
}

/// See the crate.
pub struct ByteStream<S> {
    stream: S,
    context: WebSocketContext,
    /// Of the message that came last.
    unread: Bytes,
    goodbye: Option<CloseFrame>,
    /// The peer broke the rules: what follows cannot be understood.
    broken: bool,
    /// The peer's Close frame came.
    closed: bool,
    /// Our Close frame was written, or would have been.
    closing: bool,
    /// A frame was not taken by the stream as a whole.
    unsent: bool,
}

impl<S> std::fmt::Debug for ByteStream<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByteStream").field("broken", &self.broken).field("closing", &self.closing).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ByteStream<S> {
    /// The end that was asked to upgrade. A message of the other may have at most `limit` bytes.
    pub fn of_server(stream: S, limit: usize) -> Self {
        Self::new(stream, Role::Server, limit)
    }

    /// The end that asked.
    pub fn of_client(stream: S, limit: usize) -> Self {
        Self::new(stream, Role::Client, limit)
    }

    fn new(stream: S, role: Role, limit: usize) -> Self {
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES).write_buffer_size(0);
        let mut new = Self {
            stream,
            context: WebSocketContext::new(role, Some(config)),
            unread: Bytes::new(),
            goodbye: None,
            broken: false,
            closed: false,
            closing: false,
            unsent: false,
        };
        new.set_limit(limit);
        new
    }

    /// Sets the longest message that is taken from now on, in bytes; a frame is never longer than its message.
    pub fn set_limit(&mut self, bytes: usize) {
        self.context.set_config(|config| (config.max_frame_size, config.max_message_size) = (Some(bytes), Some(bytes)));
    }

    /// What the Close frame of the shutdown says, unless the peer broke the rules, which says itself. A longer text is cut at
    /// 123 bytes.
    pub fn say_at_close(&mut self, code: CloseCode, reason: &str) {
        self.goodbye.get_or_insert_with(|| close_frame(code, reason));
    }

    fn read_message(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let read = self.context.read(&mut Now { stream: &mut self.stream, cx });
        let violation = match read {
            Ok(Message::Binary(bytes)) => return Poll::Ready(Ok(Some(bytes))),
            Ok(Message::Text(_)) => Violation::Text,
            // A Ping is answered by the read that follows.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => return Poll::Ready(Ok(Some(Bytes::new()))),
            Ok(Message::Close(_)) => {
                self.closed = true;
                // The confirmation. Who closed may be gone already, and then nobody needs it.
                let _gone = self.context.flush(&mut Now { stream: &mut self.stream, cx });
                return Poll::Ready(Ok(None));
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => return Poll::Ready(Ok(None)),
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => return Poll::Ready(Ok(None)),
            Err(error) => match Violation::of(error) {
                Ok(violation) => violation,
                Err(io) => return Poll::Ready(Err(io)),
            },
        };
        self.broken = true;
        self.goodbye = Some(close_frame(violation.code(), &violation.to_string()));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)))
    }

    /// Everything that was written leaves. A connection that is closed has nothing left to send.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = self.context.flush(&mut Now { stream: &mut self.stream, cx });
        ready!(self.settled(sent))?;
        self.unsent = false;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn settled(&self, sent: Result<(), Error>) -> Poll<io::Result<()>> {
        match sent {
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Poll::Ready(Ok(())),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(Error::Io(error)) => Poll::Ready(Err(error)),
            Err(other) => Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, other.to_string()))),
        }
    }
}

fn close_frame(code: CloseCode, reason: &str) -> CloseFrame {
    let end = (0..=reason.len().min(REASON_BYTES)).rev().find(|end| reason.is_char_boundary(*end)).unwrap_or(0);
    CloseFrame { code, reason: reason[..end].into() }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ByteStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.broken {
            // Read to be dropped: unread bytes would reset the connection, and the reset overtake our Close.
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        while this.unread.is_empty() && !this.closed {
            match ready!(this.read_message(cx))? {
                Some(message) => this.unread = message,
                None => return Poll::Ready(Ok(())),
            }
        }
        let taken = this.unread.len().min(buffer.remaining());
        buffer.put_slice(&this.unread[..taken]);
        this.unread.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ByteStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.closing {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if this.unsent {
            ready!(this.poll_send(cx))?;
        }
        let part = &bytes[..bytes.len().min(FRAME_BYTES)];
        let message = Message::Binary(Bytes::copy_from_slice(part));
        match this.context.write(&mut Now { stream: &mut this.stream, cx }, message) {
            // It has the frame, and sends the rest of it later.
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => this.unsent = true,
            Ok(()) => {}
            Err(Error::Io(error)) => return Poll::Ready(Err(error)),
            Err(other) => return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, other.to_string()))),
        }
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    /// Sends Close. The connection below stays open for the peer's; dropping the stream ends it.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.closing {
            this.closing = true;
            let goodbye = this.goodbye.take().unwrap_or_else(|| close_frame(CloseCode::Normal, ""));
            match this.context.close(&mut Now { stream: &mut this.stream, cx }, Some(goodbye)) {
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                closed => ready!(this.settled(closed))?,
            }
        }
        this.poll_send(cx)
    }
}
