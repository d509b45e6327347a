//! A gateway's attach and detach.
//!
//! Attach is a barrier: what came before it is finished first; then the right to the device is checked, the device is
//! entered where commands look for it, and the PUBACK says that it is so. What came behind it waits meanwhile, pings do
//! not. A refusal is told on the gateway's errors topic, is not acknowledged, and leaves the connection as it is.

use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use domain::gateway::attach::admit;
use domain::status::ErrorStatus;
use domain::{Device, DeviceKey, DomainError, PortError};
use protocol::DeviceRef;
use protocol::limits::MAX_TOKEN_BYTES;
use rmqtt_codec::types::QoS;
use serde::Deserialize;

use super::Session;
use super::chores::Chore;
use super::gateway_errors::{Cause, Kind};
use super::party::Party;
use super::window::Foreign;
use crate::bridge::Bridge;
use crate::ending::{Ending, rpc};
use crate::packet::Wire;
use crate::reach::Reach;
use crate::sessions::{Seat, Sessions};

/// The payload of an attach in bytes: a token, and the JSON around it.
const MAX_ATTACH_BYTES: usize = MAX_TOKEN_BYTES + 1024;

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

#[derive(Deserialize)]
struct Authorization {
    #[serde(default)]
    authorization: Option<String>,
}

/// The device's token in the payload of an attach; `None` without one.
fn token(payload: &[u8]) -> Result<Option<Box<str>>, DomainError> {
    let refused = |text: String| DomainError::invalid("authorization", text);
    if payload.len() > MAX_ATTACH_BYTES {
        return Err(refused(format!("payload of {} bytes exceeds the limit of {MAX_ATTACH_BYTES} bytes", payload.len())));
    }
    if payload.is_empty() {
        return Ok(None);
    }
    let read = serde_json::from_slice::<Authorization>(payload);
    let read = read.map_err(|e| refused(format!("the payload is neither empty nor {{\"authorization\": \"JWT\"}}: {e}")))?;
    Ok(read.authorization.filter(|token| !token.is_empty()).map(String::into_boxed_str))
}

/// Checks the gateway's right to the device as the records are now.
async fn check(bridge: &Bridge, gateway: &DeviceKey, device: &DeviceRef, token: Option<&str>) -> Result<(Device, Device), DomainError> {
    let stores = &bridge.fanout.stores;
    let found = stores.devices.get(&gateway.to_string()).await?;
    let gateway = found.ok_or_else(|| DomainError::NotFound(format!("gateway `{}`", gateway.id)))?.value;
    let device = admit(stores, &gateway, device, token, bridge.fanout.clock.now()).await?;
    Ok((gateway, device))
}

/// The same, of a device that is attached, when the records may have changed.
pub(super) async fn check_again(bridge: &Bridge, gateway: &DeviceKey, device: &Claim) -> Result<Device, DomainError> {
    Ok(check(bridge, gateway, &device.named, device.token.as_deref()).await?.1)
}

/// What is needed to check an attached device again.
pub(super) struct Claim {
    pub(super) place: u64,
    pub(super) named: DeviceRef,
    pub(super) token: Option<Box<str>>,
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
        if let Some(place) = place.filter(|place| self.remove(*place).is_some()) {
            debug_assert_ne!(place, self.parties.own.place);
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
        let Some(status) = why.status() else { return };
        let bridge = self.bridge.clone();
        self.note(Box::pin(async move { Chore::Noted(bridge.fanout.statuses.error(&key, status).await) }));
    }
}

/// Checks the right, notes it, and enters the device unless it is there already (`reach` is `None`).
async fn attach(
    bridge: &Arc<Bridge>,
    gateway: &DeviceKey,
    device: &DeviceRef,
    token: Option<&str>,
    reach: Option<Reach>,
) -> Result<(Device, Option<Seat>), DomainError> {
    let (_, device) = check(bridge, gateway, device, token).await?;
    let noted: Result<(), PortError> = bridge.fanout.statuses.came_through(&device.key, &gateway.id).await;
    if let Err(e) = noted {
        bridge.records_failed(&e);
    }
    let Some(reach) = reach else { return Ok((device, None)) };
    let mut seat = Sessions::attach(bridge, &device.key, &reach);
    seat.announce().await;
    Ok((device, Some(seat)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attach_may_carry_a_token_or_nothing() {
        for nothing in ["", "{}", r#"{"authorization": ""}"#, r#"{"authorization": null}"#] {
            assert_eq!(token(nothing.as_bytes()).unwrap(), None, "{nothing}");
        }
        assert_eq!(token(br#"{"authorization" : "a.b.c", "x": 1}"#).unwrap().as_deref(), Some("a.b.c"));
        for wrong in ["null", "a.b.c", r#"{"authorization": 1}"#, &" ".repeat(MAX_ATTACH_BYTES + 1)] {
            assert!(token(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
