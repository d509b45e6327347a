//! The ordered window of publishes. What one read brought of one device goes to the publisher as one batch; batches run
//! at the same time; acknowledgements leave in the order of the publishes (MQTT 3.1.1, 4.6). A gateway's attach and detach
//! stand in the same order: all before them is finished first, and what comes after an attach waits for its end.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use pubsub_fanout::{Event, EventError, Speaker};

use super::control::Control;
use super::party::Parties;
use crate::bridge::Bridge;
use crate::limits::{HELD_BYTES, HELD_PUBLISHES, WINDOW_BYTES};

/// A publish read from the device.
pub(super) struct Publish {
    /// `None` at QoS 0.
    pub(super) id: Option<NonZeroU16>,
    /// The topic, where it names another device than the session's own.
    pub(super) foreign: Option<Box<Foreign>>,
    pub(super) what: What,
}

/// Whom a gateway publishes for.
pub(super) struct Foreign {
    /// The device in the topic.
    pub(super) device: Box<str>,
    /// The topic.
    pub(super) topic: Box<str>,
}

pub(super) enum What {
    Event(Event),
    State(Bytes),
    Control(Box<Control>),
}

impl What {
    fn bytes(&self) -> usize {
        match self {
            Self::Event(event) => event.data.len(),
            Self::State(data) => data.len(),
            Self::Control(control) => control.bytes(),
        }
    }
}

impl Publish {
    /// Whether nobody will send it again.
    fn is_at_most_once(&self) -> bool {
        self.id.is_none() && !matches!(self.what, What::Control(_))
    }

    fn is_of(&self, device: Option<&str>) -> bool {
        self.foreign.as_ref().map(|f| &*f.device) == device
    }
}

/// Publishes that went to the publisher together, with its answers.
pub(super) struct Batch {
    /// The device that they are of.
    pub(super) place: u64,
    pub(super) ids: Vec<Option<NonZeroU16>>,
    pub(super) answers: Vec<Result<(), EventError>>,
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
    pub(super) at_most_once: usize,
    /// States are kept one after the other: two at once could be stored in the wrong order.
    state_runs: bool,
    /// Held messages that are about the session itself.
    controls: usize,
    /// An attach is under way: nothing starts before its end.
    pub(super) barred: bool,
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
            controls: 0,
            barred: false,
        }
    }

    /// Whether another publish may be held.
    pub(super) fn has_room(&self) -> bool {
        self.held.len() < HELD_PUBLISHES && self.held_bytes < HELD_BYTES
    }

    /// Whether anything is held, at the publisher, or waited for.
    pub(super) fn has_work(&self) -> bool {
        !self.held.is_empty() || self.in_flight > 0 || self.barred
    }

    /// Whether an attach or a detach is not finished yet.
    pub(super) fn has_control(&self) -> bool {
        self.controls > 0 || self.barred
    }

    /// QoS 0 publishes that nobody will send again if the session ends now.
    pub(super) fn not_resent(&self) -> usize {
        self.at_most_once
    }

    /// Takes a publish in; it starts with the next [`Window::start`].
    pub(super) fn hold(&mut self, publish: Publish) {
        self.held_bytes += publish.what.bytes();
        self.at_most_once += usize::from(publish.is_at_most_once());
        self.controls += usize::from(matches!(publish.what, What::Control(_)));
        self.held.push_back(publish);
    }

    /// Starts as much as the window takes. Answers what is not for the publisher: a control message, once all before it is
    /// finished, or a publish for a device that is not attached. Then call again.
    pub(super) fn start(&mut self, bridge: &Arc<Bridge>, parties: &Parties) -> Option<Publish> {
        while let Some(first) = self.held.front() {
            if self.barred {
                return None;
            }
            if matches!(first.what, What::Control(_)) {
                return if self.in_flight == 0 { self.set_aside() } else { None };
            }
            let party = match &first.foreign {
                None => Some(&parties.own),
                Some(foreign) => parties.named(&foreign.device),
            };
            let Some(party) = party else { return self.set_aside() };
            let is_state = matches!(first.what, What::State(_));
            if !self.may_start(bridge, is_state) {
                return None;
            }
            let run =
                if is_state { self.state(bridge, party.place, &party.speaker) } else { self.events(bridge, party.place, &party.speaker) };
            self.running.push_back(run);
        }
        // A burst's worth of memory is not kept by an idle connection.
        if self.held.capacity() > 0 && self.in_flight == 0 {
            self.held = VecDeque::new();
        }
        None
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

    /// Takes the next publish off what is held, not for the publisher.
    fn set_aside(&mut self) -> Option<Publish> {
        let publish = self.held.pop_front()?;
        self.held_bytes -= publish.what.bytes();
        self.at_most_once -= usize::from(publish.is_at_most_once());
        self.controls -= usize::from(matches!(publish.what, What::Control(_)));
        Some(publish)
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

    /// The run of one device's events at the front, as one batch.
    fn events(&mut self, bridge: &Arc<Bridge>, place: u64, speaker: &Arc<Speaker>) -> BoxFuture<'static, Batch> {
        let room = self.limit.saturating_sub(self.in_flight).max(1).min(self.held.len());
        let (mut ids, mut events, mut bytes) = (Vec::with_capacity(room), Vec::with_capacity(room), 0);
        let device = self.held.front().and_then(|first| first.foreign.as_ref().map(|f| f.device.clone()));
        while ids.len() < room && matches!(self.held.front(), Some(p) if matches!(p.what, What::Event(_)) && p.is_of(device.as_deref())) {
            let Some(Publish { id, what: What::Event(event), .. }) = self.take() else { break };
            bytes += event.data.len();
            ids.push(id);
            events.push(event);
        }
        let (charge, speaker) = (charge(bridge, bytes), speaker.clone());
        Box::pin(async move {
            let answers = charge.0.fanout.events(&speaker, events).await;
            Batch { place, ids, answers, bytes, is_state: false }
        })
    }

    /// The state at the front.
    fn state(&mut self, bridge: &Arc<Bridge>, place: u64, speaker: &Arc<Speaker>) -> BoxFuture<'static, Batch> {
        self.state_runs = true;
        let (ids, data) = match self.take() {
            Some(Publish { id, what: What::State(data), .. }) => (vec![id], data),
            _ => (Vec::new(), Bytes::new()),
        };
        let (bytes, speaker) = (data.len(), speaker.clone());
        let charge = charge(bridge, bytes);
        Box::pin(async move {
            let answers = vec![charge.0.fanout.state(&speaker, data).await];
            Batch { place, ids, answers, bytes, is_state: true }
        })
    }

    /// Makes room again.
    pub(super) fn finished(&mut self, batch: &Batch) {
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
