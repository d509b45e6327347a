//! A gateway's attach and detach.
//!
//! Attach is a barrier: what came before it is finished first; then the right to the device is checked, the device is
//! entered where commands look for it, and the PUBACK says that it is so. What came behind it waits meanwhile, pings do
//! not. A refusal is told on the gateway's errors topic, is not acknowledged, and leaves the connection as it is.

mod right;

use std::num::NonZeroU16;

use bytes::Bytes;
use domain::registry::LogLevel;
use domain::status::ErrorStatus;
use domain::{Device, DomainError};
use protocol::DeviceRef;
use rmqtt_codec::types::QoS;

use super::Session;
use super::chores::Chore;
use super::gateway_errors::{Cause, Kind};
use super::party::Party;
use super::window::Foreign;
use crate::ending::{Ending, rpc};
use crate::packet::Wire;
use crate::sessions::Seat;
pub(super) use right::{Claim, check_again};
use right::{attach, token};

/// A message about the session itself. It stands in one order with the publishes.
pub(super) enum Control {
    Attach(Foreign, Bytes),
    Detach(Foreign),
    /// A SUBSCRIBE to topics of a device whose attach is not finished.
    Subscribe(NonZeroU16, Vec<(String, QoS)>),
    Unsubscribe(NonZeroU16, Vec<String>),
}

impl Control {
    /// Bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Attach(_, payload) => payload.len(),
            Self::Detach(_) => 0,
            Self::Subscribe(_, filters) => filters.iter().map(|(f, _)| f.len()).sum(),
            Self::Unsubscribe(_, filters) => filters.iter().map(String::len).sum(),
        }
    }
}

/// How an attach ended.
pub(super) struct Attached {
    id: Option<NonZeroU16>,
    topic: Foreign,
    token: Option<Box<str>>,
    answer: Result<(Device, Option<Seat>), DomainError>,
}

impl Session {
    pub(super) fn on_control(&mut self, id: Option<NonZeroU16>, control: Control) -> Result<(), Ending> {
        match control {
            Control::Attach(topic, payload) => self.begin_attach(id, topic, &payload),
            Control::Detach(topic) => self.detach(id, &topic),
            Control::Subscribe(id, filters) => self.on_subscribe(id, &filters)?,
            Control::Unsubscribe(id, filters) => self.on_unsubscribe(id, &filters)?,
        }
        Ok(())
    }

    fn begin_attach(&mut self, id: Option<NonZeroU16>, topic: Foreign, payload: &[u8]) {
        let known = self.parties.named(&topic.device).map(|p| p.place);
        let limit = self.bridge.limits.attached_devices;
        if known.is_none() && self.parties.attached() >= limit {
            let text = format!("{limit} devices are attached to the gateway, the limit is {limit}: detach one first");
            return self.refuse_attach(id, &topic, &DomainError::Exhausted(text));
        }
        let asked = topic.device.parse::<DeviceRef>().map_err(|e| DomainError::invalid("device", e.to_string()));
        let (device, token) = match asked.and_then(|device| Ok((device, token(payload)?))) {
            Ok(read) => read,
            Err(e) => return self.refuse_attach(id, &topic, &e),
        };
        // Without a reach a newer connection of the gateway has taken over, and this one hears of it next.
        let Some(reach) = self.registered.reach() else { return };
        self.window.barred = true;
        let (bridge, gateway) = (self.bridge.clone(), self.parties.own.speaker.key.clone());
        let reach = known.is_none().then_some(reach);
        self.chores.running.push(Box::pin(async move {
            let answer = attach(&bridge, &gateway, &device, token.as_deref(), reach).await;
            Chore::Attached(Box::new(Attached { id, topic, token, answer }))
        }));
    }

    pub(super) fn on_attached(&mut self, attached: Attached) {
        self.window.barred = false;
        let Attached { id, topic, token, answer } = attached;
        match answer {
            Ok((device, Some(seat))) => {
                let party = Party::attached(seat, &device, &self.parties.own.speaker, token);
                party.speaker.log(LogLevel::Info, "ATTACH", &format!("to gateway `{}`", self.parties.own.speaker.key.id));
                // Named by its number before and by its id now: the older one's commands are over.
                if let Some(older) = self.parties.attach(party) {
                    self.downlink.forget(older);
                }
            }
            Ok((_, None)) => {
                let place = self.parties.named(&topic.device).map(|p| p.place);
                if let Some(party) = place.and_then(|place| self.parties.at_mut(place)) {
                    party.token = token;
                }
            }
            Err(e) => return self.refuse_attach(id, &topic, &e),
        }
        self.bridge.counters.attached.one();
        self.acknowledge(id);
    }

    fn acknowledge(&mut self, id: Option<NonZeroU16>) {
        if let Some(id) = id {
            Wire::ack(&mut self.outbox.bytes, id);
            self.bridge.counters.acks.one();
        }
    }

    /// Tells what became of a PUBLISH that was refused: on the errors topic, and in MQTT 5 by its PUBACK.
    fn refuse(&mut self, id: Option<NonZeroU16>, kind: Kind, text: &str, topic: &Foreign) {
        self.tell_error(kind, text, &topic.device, Some(&Cause { topic: &topic.topic, id }));
        if let Some(id) = id {
            self.wire.refuse(&mut self.outbox.bytes, id, text);
        }
    }

    fn refuse_attach(&mut self, id: Option<NonZeroU16>, topic: &Foreign, why: &DomainError) {
        self.bridge.counters.attach_refused.one();
        let text = match why {
            DomainError::Port(_) => "the device registry cannot be read now: attach again".to_owned(),
            why => why.to_string(),
        };
        self.refuse(id, Kind::Attachment, &text, topic);
        let status =
            ErrorStatus { code: rpc::FAILED_PRECONDITION, message: format!("mqtt: SERVER: `{}` was not attached: {text}", topic.device) };
        let (bridge, key) = (self.bridge.clone(), self.parties.own.speaker.key.clone());
        // Written seldom: a gateway that tries again and again must not make the store write.
        self.note(Box::pin(async move { Chore::Noted(bridge.fanout.statuses.stranger_error(&key, status).await) }));
    }

    /// What is not attached is detached already.
    fn detach(&mut self, id: Option<NonZeroU16>, topic: &Foreign) {
        let place = self.parties.named(&topic.device).map(|p| p.place);
        if let Some(party) = place.and_then(|place| self.remove(place)) {
            debug_assert_ne!(party.place, self.parties.own.place);
            party.speaker.log(LogLevel::Info, "DETACH", "by its gateway");
            self.bridge.counters.detached.one();
        }
        self.acknowledge(id);
    }

    /// Speaks no longer for the device at `place`; who waits for its commands hears that they are lost.
    pub(super) fn remove(&mut self, place: u64) -> Option<Party> {
        let party = self.parties.detach(place)?;
        self.downlink.forget(place);
        Some(party)
    }

    /// A publish for a device that is not attached.
    pub(super) fn on_stray(&mut self, id: Option<NonZeroU16>, topic: &Foreign) {
        self.bridge.counters.not_attached.one();
        let text = format!("The specified device with ID '{}' is not attached to the gateway.", topic.device);
        self.refuse(id, Kind::DeviceNotFound, &text, topic);
    }

    /// Detaches a device that broke a rule or lost its right, and says why on the errors topic and in its record.
    pub(super) fn break_off(&mut self, place: u64, why: &Ending) {
        let Some(party) = self.remove(place) else { return };
        let counters = &self.bridge.counters;
        match why {
            Ending::TakenOver => counters.detached_taken_over.one(),
            Ending::Publish(_) => counters.detached_rule.one(),
            _ => counters.detached_revoked.one(),
        }
        let key = party.speaker.key.clone();
        self.tell_error(Kind::DetachmentDevice, &format!("Device detached because of a device error: {why}"), key.id.as_str(), None);
        party.speaker.log(LogLevel::Error, "DETACH", &why.to_string());
        let Some(status) = why.status() else { return };
        let bridge = self.bridge.clone();
        self.note(Box::pin(async move { Chore::Noted(bridge.fanout.statuses.error(&key, status).await) }));
    }
}
