//! The ordered window of publishes. What one read brought goes to the publisher as one batch; batches run at the
//! same time; acknowledgements leave in the order of the publishes (MQTT 3.1.1, 4.6).

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use pubsub_fanout::{Event, EventError, Speaker};

use super::Session;
use crate::bridge::Bridge;
use crate::ending::Ending;
use crate::limits::{HELD_BYTES, HELD_PUBLISHES, WINDOW_BYTES};
use crate::packet::Wire;

/// A publish read from the device.
pub(super) struct Publish {
    /// `None` at QoS 0.
    pub(super) id: Option<NonZeroU16>,
    pub(super) what: What,
}

pub(super) enum What {
    Event(Event),
    State(Bytes),
}

impl What {
    fn bytes(&self) -> usize {
        match self {
            Self::Event(event) => event.data.len(),
            Self::State(data) => data.len(),
        }
    }
}

/// Publishes that went to the publisher together, with its answers.
pub(super) struct Batch {
    ids: Vec<Option<NonZeroU16>>,
    answers: Vec<Result<(), EventError>>,
    bytes: usize,
    is_state: bool,
}

/// The window and what is held beyond it.
pub(super) struct Window {
    pub(super) running: FuturesOrdered<BoxFuture<'static, Batch>>,
    held: VecDeque<Publish>,
    held_bytes: usize,
    in_flight: usize,
    in_flight_bytes: usize,
    limit: usize,
    /// QoS 0 publishes held or at the publisher: when the session ends now, these are lost.
    at_most_once: usize,
    /// States are kept one after the other: two at once could be stored in the wrong order.
    state_runs: bool,
}

/// Bytes at the publisher, given back however the publish ends.
struct Charge(Arc<Bridge>, usize);

impl Drop for Charge {
    fn drop(&mut self) {
        self.0.publishing.fetch_sub(self.1, Ordering::Relaxed);
    }
}

impl Window {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            running: FuturesOrdered::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            in_flight: 0,
            in_flight_bytes: 0,
            limit: limit.max(1),
            at_most_once: 0,
            state_runs: false,
        }
    }

    /// Whether another publish may be held.
    pub(super) fn has_room(&self) -> bool {
        self.held.len() < HELD_PUBLISHES && self.held_bytes < HELD_BYTES
    }

    /// Whether anything is held or at the publisher.
    pub(super) fn has_work(&self) -> bool {
        !self.held.is_empty() || self.in_flight > 0
    }

    /// QoS 0 publishes that nobody will send again if the session ends now.
    pub(super) fn not_resent(&self) -> usize {
        self.at_most_once
    }

    /// Takes a publish in; it starts with the next [`Window::start`].
    pub(super) fn hold(&mut self, publish: Publish) {
        self.held_bytes += publish.what.bytes();
        self.at_most_once += usize::from(publish.id.is_none());
        self.held.push_back(publish);
    }

    /// Starts as much as the window takes.
    pub(super) fn start(&mut self, bridge: &Arc<Bridge>, speaker: &Arc<Speaker>) {
        while let Some(first) = self.held.front() {
            let is_state = matches!(first.what, What::State(_));
            if !self.may_start(bridge, is_state) {
                return;
            }
            let batch = if is_state { self.state(bridge, speaker) } else { self.events(bridge, speaker) };
            self.running.push_back(batch);
        }
        // A burst's worth of memory is not kept by an idle connection.
        if self.held.capacity() > 0 && self.in_flight == 0 {
            self.held = VecDeque::new();
        }
    }

    fn may_start(&self, bridge: &Bridge, is_state: bool) -> bool {
        if self.in_flight == 0 {
            return true;
        }
        self.in_flight < self.limit
            && self.in_flight_bytes < WINDOW_BYTES
            && !(is_state && self.state_runs)
            && bridge.publishing.load(Ordering::Relaxed) < bridge.limits.publish_bytes
    }

    /// Takes the next publish off what is held.
    fn take(&mut self) -> Option<Publish> {
        let publish = self.held.pop_front()?;
        let bytes = publish.what.bytes();
        self.held_bytes -= bytes;
        self.in_flight += 1;
        self.in_flight_bytes += bytes;
        Some(publish)
    }

    /// The run of events at the front, as one batch.
    fn events(&mut self, bridge: &Arc<Bridge>, speaker: &Arc<Speaker>) -> BoxFuture<'static, Batch> {
        let room = self.limit.saturating_sub(self.in_flight).max(1).min(self.held.len());
        let (mut ids, mut events, mut bytes) = (Vec::with_capacity(room), Vec::with_capacity(room), 0);
        while ids.len() < room && matches!(self.held.front(), Some(Publish { what: What::Event(_), .. })) {
            let Some(Publish { id, what: What::Event(event) }) = self.take() else { break };
            bytes += event.data.len();
            ids.push(id);
            events.push(event);
        }
        let (charge, speaker) = (charge(bridge, bytes), speaker.clone());
        Box::pin(async move {
            let answers = charge.0.fanout.events(&speaker, events).await;
            Batch { ids, answers, bytes, is_state: false }
        })
    }

    /// The state at the front.
    fn state(&mut self, bridge: &Arc<Bridge>, speaker: &Arc<Speaker>) -> BoxFuture<'static, Batch> {
        self.state_runs = true;
        let (ids, data) = match self.take() {
            Some(Publish { id, what: What::State(data) }) => (vec![id], data),
            _ => (Vec::new(), Bytes::new()),
        };
        let (bytes, speaker) = (data.len(), speaker.clone());
        let charge = charge(bridge, bytes);
        Box::pin(async move {
            let answers = vec![charge.0.fanout.state(&speaker, data).await];
            Batch { ids, answers, bytes, is_state: true }
        })
    }

    fn finished(&mut self, batch: &Batch) {
        self.in_flight -= batch.ids.len();
        self.in_flight_bytes -= batch.bytes;
        if batch.is_state {
            self.state_runs = false;
        }
    }
}

fn charge(bridge: &Arc<Bridge>, bytes: usize) -> Charge {
    bridge.publishing.fetch_add(bytes, Ordering::Relaxed);
    Charge(bridge.clone(), bytes)
}

impl Session {
    /// Acknowledges a batch up to its first failure, which ends the session: the device sends the rest again.
    pub(super) fn on_published(&mut self, batch: Batch) -> Result<(), Ending> {
        self.window.finished(&batch);
        let (mut acks, mut failures, mut first) = (0, 0, None);
        for (id, answer) in batch.ids.iter().zip(batch.answers) {
            match (id, answer) {
                (_, Err(e)) => {
                    failures += 1;
                    first.get_or_insert(e);
                }
                (Some(id), Ok(())) if first.is_none() => {
                    Wire::ack(&mut self.outbox.bytes, *id);
                    acks += 1;
                }
                (Some(_), Ok(())) => {}
                (None, Ok(())) => self.window.at_most_once -= 1,
            }
        }
        self.bridge.counters.acks.add(acks);
        self.bridge.counters.publish_failures.add(failures);
        first.map_or(Ok(()), |e| Err(Ending::Publish(e)))
    }
}
