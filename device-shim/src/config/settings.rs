//! The sections of the file, as the rest of the shim reads them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::backoff::{Backoff, BackoffError};

/// How readings come in. Every address is a loopback address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// Local MQTT; off when `None`.
    pub mqtt: Option<SocketAddr>,
    /// Local HTTP; off when `None`.
    pub http: Option<SocketAddr>,
    /// Unix socket of `send` and `status`.
    pub unix: PathBuf,
    /// Connections that one intake holds at a time; further ones wait or are closed, and counted.
    pub max_connections: usize,
    /// Readings of one connection that may await the disk.
    pub max_in_flight: usize,
}

/// Where readings are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// On disk, or in memory for trials.
    pub kind: SpoolKind,
    /// Folder of the spool.
    pub dir: PathBuf,
    /// Bytes that it may take.
    pub max_bytes: u64,
    /// Bytes after which a new generation is begun.
    pub generation_bytes: u64,
    /// What gives way when it is full.
    pub policy: FullPolicy,
}

/// Kinds of spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpoolKind {
    /// On disk.
    Sled,
    /// In memory: nothing survives the process.
    Memory,
}

/// What gives way when the spool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullPolicy {
    /// The oldest generation.
    DropOldest,
    /// The new reading: its sender is told.
    Reject,
}

/// How readings go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkConfig {
    /// Publishes that may await their PUBACK; also the most duplicates after a cut.
    pub window: usize,
    /// Payload bytes that may await their PUBACK; one reading always may.
    pub window_bytes: usize,
    /// MQTT keepalive; a PINGRESP later than half of it ends the connection.
    pub keepalive: Duration,
    /// For name, TCP, TLS and CONNACK together.
    pub connect_timeout: Duration,
    /// The oldest publish without PUBACK for this long ends the connection.
    pub ack_timeout: Duration,
    /// Life of a token; it is renewed at 75 % of it.
    pub token_life: Duration,
    /// How long a stop or a renewal waits for the PUBACKs under way.
    pub drain_timeout: Duration,
    /// Connections in a row that one reading may end, by a reason that names the payload, before it is set aside.
    pub refusals: u32,
}

/// How long to wait before connecting again.
#[derive(Debug, Clone, PartialEq)]
pub struct BackoffConfig {
    /// Shortest wait.
    pub min: Duration,
    /// Longest wait.
    pub max: Duration,
    /// Random share of up to this that a wait is shortened by.
    pub jitter: f64,
    /// A link that was up for this long starts again from the shortest wait.
    pub stable: Duration,
}

impl BackoffConfig {
    /// The policy.
    ///
    /// # Errors
    /// [`BackoffError`]; not after [`Config::parse`](super::Config::parse) has checked it.
    pub fn policy(&self) -> Result<Backoff, BackoffError> {
        Backoff::try_new(self.min..=self.max, self.jitter, self.stable)
    }
}
