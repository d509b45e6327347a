//! How readings come in: local MQTT, HTTP and a Unix socket. Each answers only when its reading is durable.
//!
//! Bounds: connections per intake, readings of one connection that await the disk, and the queue before the disk.
//! At the first a connection is closed at once and counted; at the others it is not read until there is room.

pub mod http;
pub mod listener;
pub mod mqtt;
pub mod unix;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use protocol::limits::{MAX_EVENT_BYTES, MAX_STATE_BYTES};
use protocol::topics::check_subfolder;
use protocol::{PublishTopic, ReadingId, TopicError, attribute};

use crate::clock::CloudClock;
use crate::downlink::Downlink;
use crate::link::reading_id;
use crate::spool::{Kind, Reading, SpoolError, Writer};
use crate::status::Intake as IntakeReport;

/// What every intake does with a reading. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    writer: Writer,
    clock: CloudClock,
    boot: u32,
    device: Arc<str>,
    counters: Arc<IntakeCounters>,
}

/// Counts of all intakes since the start.
#[derive(Debug)]
pub struct IntakeCounters {
    taken: AtomicU64,
    refused: AtomicU64,
    pub(crate) connections: Arc<listener::Connections>,
    downlink: Arc<Downlink>,
}

impl IntakeCounters {
    /// Counters at nothing; the downlink counts its own.
    #[must_use]
    pub fn new(downlink: Arc<Downlink>) -> Arc<Self> {
        let zero = AtomicU64::default;
        Arc::new(Self { taken: zero(), refused: zero(), connections: Arc::default(), downlink })
    }

    /// As of now.
    #[must_use]
    pub fn report(&self) -> IntakeReport {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        IntakeReport {
            taken: get(&self.taken),
            refused: get(&self.refused),
            connections: get(&self.connections.open),
            connections_refused: get(&self.connections.refused),
            commands_dropped: self.downlink.dropped(),
        }
    }
}

/// Why a reading was not taken. One sentence each, with the value and the limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More than the cloud takes.
    #[error("{what} of {len} bytes exceeds the limit of {limit} bytes")]
    TooLarge {
        /// `an event` or `a state`.
        what: &'static str,
        /// Bytes of the payload.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Not a topic, or not a subfolder.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// A topic of another device.
    #[error("topic `{topic}` is of another device: this shim speaks for `{device}`")]
    OtherDevice {
        /// The topic as given, cut at 128 characters.
        topic: String,
        /// The device of this shim.
        device: String,
    },
    /// Cloud IoT Core's bridge did not take it either.
    #[error("QoS 2 is not supported: publish with QoS 0 or 1")]
    Qos,
    /// The spool does not take it.
    #[error("the reading was not taken: {0}")]
    Spool(SpoolError),
}

impl Refusal {
    /// Whether the same reading may be taken later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Spool(SpoolError::QuotaFull { .. } | SpoolError::DiskFull | SpoolError::Storage(_) | SpoolError::Closed))
    }
}

impl Intake {
    /// An intake for the device whose id is `device`, into `writer`'s spool, which was opened for the `boot`th time.
    #[must_use]
    pub fn new(writer: Writer, clock: CloudClock, boot: u32, device: Arc<str>, counters: Arc<IntakeCounters>) -> Self {
        Self { writer, clock, boot, device, counters }
    }

    /// The device id that stands in topics.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The counters of all intakes.
    #[must_use]
    pub fn counters(&self) -> &Arc<IntakeCounters> {
        &self.counters
    }

    /// An event, taken now.
    ///
    /// # Errors
    /// [`Refusal`] when its subfolder or size is not allowed; counted.
    pub fn event(&self, subfolder: &str, payload: Bytes) -> Result<Reading, Refusal> {
        let checked = check_subfolder(subfolder).map_err(Refusal::from);
        let sized = checked.and_then(|()| check_size("an event", payload.len(), MAX_EVENT_BYTES));
        self.counted(sized).map(|()| self.reading(Kind::Events { subfolder: subfolder.to_owned() }, payload))
    }

    /// A state, taken now.
    ///
    /// # Errors
    /// [`Refusal`] when its size is not allowed; counted.
    pub fn state(&self, payload: Bytes) -> Result<Reading, Refusal> {
        self.counted(check_size("a state", payload.len(), MAX_STATE_BYTES)).map(|()| self.reading(Kind::State, payload))
    }

    /// What was published to `topic`, with its user properties; those that the shim itself sets are left out.
    ///
    /// # Errors
    /// [`Refusal`] when the topic or the size is not allowed; counted.
    pub fn publish(&self, topic: &str, payload: Bytes, properties: Vec<(String, String)>) -> Result<Reading, Refusal> {
        let parsed = self.counted(PublishTopic::parse(topic).map_err(Refusal::from))?;
        let other = || Refusal::OtherDevice { topic: topic.chars().take(128).collect(), device: self.device.to_string() };
        if parsed.device() != &*self.device {
            return self.counted(Err(other()));
        }
        let mut reading = match parsed {
            PublishTopic::Events { subfolder, .. } => self.event(subfolder, payload)?,
            PublishTopic::State { .. } => self.state(payload)?,
            // A gateway attaches its devices on its own connection to the bridge.
            _ => return self.counted(Err(TopicError::Publish(topic.to_owned()).into())),
        };
        reading.properties = properties;
        reading.properties.retain(|(key, _)| key != attribute::READING_ID && key != attribute::CAPTURED_AT_MS);
        Ok(reading)
    }

    /// Resolves when `reading` is durable, with its name.
    ///
    /// # Errors
    /// [`Refusal::Spool`] when it is not promised; counted.
    pub async fn keep(&self, reading: Reading) -> Result<ReadingId, Refusal> {
        let places = self.counted(self.writer.append(vec![reading]).await.map_err(Refusal::Spool))?;
        self.counters.taken.fetch_add(1, Ordering::Relaxed);
        Ok(reading_id(self.boot, places.start))
    }

    fn reading(&self, kind: Kind, payload: Bytes) -> Reading {
        Reading { kind, device: None, captured_at_ms: self.clock.device_ms(), payload, properties: Vec::new() }
    }

    fn counted<T>(&self, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
        outcome.inspect_err(|_| {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
        })
    }
}

fn check_size(what: &'static str, len: usize, limit: usize) -> Result<(), Refusal> {
    if len > limit { Err(Refusal::TooLarge { what, len, limit }) } else { Ok(()) }
}
