//! The line to the cloud, as the drain sees it. [`mqtt`] is the one there is; tests script others.

pub mod mqtt;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use protocol::ReadingId;
use tokio::time::Instant;

use crate::spool::{Seq, Stored};

/// Opens sessions, one at a time.
pub trait Link: Send {
    /// A session.
    type Session: Session;

    /// One attempt, with a fresh token. Bounded by the link's own timeout.
    fn connect(&mut self) -> impl Future<Output = Result<Self::Session, LinkError>> + Send;
}

/// An authenticated session. Dropping it cuts the line.
pub trait Session: Send {
    /// Readings that may await their acknowledgement: ours or the server's limit, whichever is lower.
    fn window(&self) -> usize;

    /// When its token should be renewed.
    fn renew_at(&self) -> Instant;

    /// Queues a reading; nothing leaves before [`next`](Self::next) is polled.
    ///
    /// # Errors
    /// [`LinkError::TooLarge`] when this server can never take it; the session remains usable.
    fn publish(&mut self, reading: &Stored) -> Result<(), LinkError>;

    /// Asks for commands, or no more.
    fn want_commands(&mut self, wanted: bool);

    /// Queues the acknowledgement of a configuration or command.
    fn acknowledge(&mut self, receipt: Receipt);

    /// Moves bytes both ways and resolves at the next event. May be dropped and called again at any time.
    /// An error ends the session.
    fn next(&mut self) -> impl Future<Output = Result<Event, LinkError>> + Send;

    /// Says goodbye. Bounded.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// What the cloud says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It has this reading.
    Acked(Seq),
    /// The device's configuration, empty when there is none.
    Config(Bytes, Option<Receipt>),
    /// A command with its subfolder.
    Command(String, Bytes, Option<Receipt>),
}

/// What to acknowledge a configuration or command with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt(pub std::num::NonZeroU16);

/// Why a session did not begin or has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No connection: name, TCP or TLS.
    #[error("cannot {step} {peer}: {problem}")]
    Unreachable {
        /// `resolve`, `reach`, `speak TLS with` or `open a WebSocket at`.
        step: &'static str,
        /// `host:port`, or the URL of a WebSocket.
        peer: String,
        /// Why.
        problem: String,
    },
    /// The bridge's certificate begins later than this clock says it is.
    #[error("the certificate of {peer} is not valid yet: it begins {} h after this clock's time", not_before_ms.saturating_sub(*now_ms) / 3_600_000)]
    NotYetValid {
        /// `host:port`.
        peer: String,
        /// Its first moment, in milliseconds since 1970.
        not_before_ms: u64,
        /// The time it was judged by.
        now_ms: u64,
    },
    /// The bridge said no to CONNECT.
    #[error("the bridge refused the connection (code {code}): {reason}")]
    Refused {
        /// MQTT 5 reason code.
        code: u8,
        /// Its reason string, or the meaning of the code.
        reason: String,
        /// Whether the reply told that our clock was wrong, so that a token made now would be another one.
        clock_corrected: bool,
    },
    /// The bridge said goodbye.
    #[error("the bridge ended the connection (code {code}): {reason}")]
    Disconnected {
        /// MQTT 5 reason code.
        code: u8,
        /// Its reason string, or the meaning of the code.
        reason: String,
    },
    /// The line was cut.
    #[error("the connection was cut: {0}")]
    Cut(String),
    /// Something did not come in time.
    #[error("no {what} within {within:?}")]
    Silent {
        /// `CONNACK`, `PUBACK` or `PINGRESP`.
        what: &'static str,
        /// The limit.
        within: Duration,
    },
    /// A reading is larger than this server takes.
    #[error("a packet of {len} bytes exceeds the bridge's limit of {limit} bytes")]
    TooLarge {
        /// Bytes of the packet.
        len: usize,
        /// The bridge's limit.
        limit: usize,
    },
    /// What came is not what MQTT 5 allows.
    #[error("the bridge does not speak MQTT 5 as expected: {0}")]
    Protocol(String),
}

impl LinkError {
    /// Whether the reason lies in a reading, so that sending the same again will end the same way: packet too large,
    /// malformed packet, topic invalid, payload invalid.
    #[must_use]
    pub fn is_about_a_reading(&self) -> bool {
        matches!(self, Self::Disconnected { code: 129 | 144 | 149 | 153, .. })
    }

    /// Whether the bridge ended the session for reasons of its own, everything taken acknowledged: it stops (139), or the
    /// session was as old as one may become there (160). Nothing is wrong, and it is there again at once.
    #[must_use]
    pub fn is_orderly(&self) -> bool {
        matches!(self, Self::Disconnected { code: 139 | 160, .. })
    }

    /// Whether the bridge does not let this device in. Waiting does not help, a person does.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { code: 132..=135 | 138 | 140, clock_corrected: false, .. })
    }
}

/// The name a reading has everywhere outside this process. A spool counts its places from 0, the name from 1.
#[must_use]
pub fn reading_id(boot: u32, seq: Seq) -> ReadingId {
    ReadingId { boot: u64::from(boot), seq: seq + 1 }
}
