//! SUBSCRIBE and UNSUBSCRIBE. A gateway's to topics of a device that it is about to attach wait for the attach.

use std::num::NonZeroU16;

use protocol::SubscribeTopic;
use rmqtt_codec::types::QoS;

use super::Session;
use super::control::Control;
use super::downlink::Subscription;
use super::window::{Publish, What};
use crate::ending::Ending;
use crate::packet::Granted;

impl Session {
    /// Answers it now, or holds it behind an attach that is not finished.
    pub(super) fn take_subscribe(&mut self, id: NonZeroU16, filters: Vec<(String, QoS)>) -> Result<(), Ending> {
        if filters.iter().any(|(filter, _)| self.may_come(filter)) {
            self.hold_control(Control::Subscribe(id, filters));
            return Ok(());
        }
        self.on_subscribe(id, &filters)
    }

    /// The same with UNSUBSCRIBE.
    pub(super) fn take_unsubscribe(&mut self, id: NonZeroU16, filters: Vec<String>) -> Result<(), Ending> {
        if filters.iter().any(|filter| self.may_come(filter)) {
            self.hold_control(Control::Unsubscribe(id, filters));
            return Ok(());
        }
        self.on_unsubscribe(id, &filters)
    }

    /// Whether it names a device whose attach or detach may be under way.
    fn may_come(&self, filter: &str) -> bool {
        self.window.has_control() && SubscribeTopic::parse(filter).is_ok_and(|topic| !self.parties.own.is(topic.device()))
    }

    fn hold_control(&mut self, control: Control) {
        self.window.hold(Publish { id: None, foreign: None, what: What::Control(Box::new(control)) });
    }

    pub(super) fn on_subscribe(&mut self, id: NonZeroU16, filters: &[(String, QoS)]) -> Result<(), Ending> {
        let granted: Vec<_> = filters.iter().map(|(filter, qos)| self.grant(filter, *qos)).collect();
        self.wire.suback(&mut self.outbox.bytes, id, &granted).map_err(|e| Ending::Malformed(format!("SUBSCRIBE: {e}")))?;
        for (filter, _) in filters {
            let Ok(topic) = SubscribeTopic::parse(filter) else { continue };
            let Some(place) = self.parties.named(topic.device()).map(|p| p.place) else { continue };
            match topic {
                SubscribeTopic::Config { .. } => self.read_config(place),
                SubscribeTopic::Commands { .. } => self.deliver_queued(place),
                SubscribeTopic::Errors { .. } => {}
            }
        }
        Ok(())
    }

    /// Where the subscription of a topic is kept; `None` for a device that this session does not speak for, and for the errors
    /// topic of an attached one: these are told to the gateway.
    fn slot(&mut self, topic: &SubscribeTopic<'_>) -> Option<&mut Option<Subscription>> {
        let place = self.parties.named(topic.device())?.place;
        let is_own = place == self.parties.own.place;
        let line = &mut self.parties.at_mut(place)?.line;
        match topic {
            SubscribeTopic::Config { .. } => Some(&mut line.config),
            SubscribeTopic::Commands { .. } => Some(&mut line.commands),
            SubscribeTopic::Errors { .. } if is_own => Some(&mut self.downlink.errors),
            SubscribeTopic::Errors { .. } => None,
        }
    }

    fn grant(&mut self, filter: &str, qos: QoS) -> Granted {
        let Ok(topic) = SubscribeTopic::parse(filter) else { return Granted::Invalid };
        let by_number = topic.device().bytes().all(|b| b.is_ascii_digit());
        let at_least_once = qos != QoS::AtMostOnce;
        let Some(slot) = self.slot(&topic) else { return Granted::NotOwn };
        *slot = Some(Subscription { at_least_once, by_number });
        if matches!(topic, SubscribeTopic::Config { .. }) {
            let place = self.parties.named(topic.device()).map(|p| p.place);
            if let Some(party) = place.and_then(|place| self.parties.at_mut(place)) {
                party.line.config_asked = true;
            }
        }
        Granted::Qos(if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce })
    }

    pub(super) fn on_unsubscribe(&mut self, id: NonZeroU16, filters: &[String]) -> Result<(), Ending> {
        let mut existed = Vec::with_capacity(filters.len());
        for filter in filters {
            let slot = SubscribeTopic::parse(filter).ok().and_then(|topic| self.slot(&topic).map(Option::take));
            existed.push(slot.flatten().is_some());
        }
        self.wire.unsuback(&mut self.outbox.bytes, id, &existed).map_err(|e| Ending::Malformed(format!("UNSUBSCRIBE: {e}")))
    }
}
