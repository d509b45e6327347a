//! What the device sends.

use std::borrow::Cow;

use bytes::BytesMut;
use domain::status::{LAST_SEEN_EVERY, Seen};
use protocol::PublishTopic;
use pubsub_fanout::Event;
use rmqtt_codec::types::QoS;
use tokio::time::Instant;

use super::Session;
use super::control::Control;
use super::window::{Foreign, Publish, What};
use crate::ending::Ending;
use crate::packet::{Inbound, Wire};

impl Session {
    /// Handles the packets in the inbox, as long as there is room for publishes.
    pub(super) fn decode(&mut self) -> Result<(), Ending> {
        let (mut publishes, mut bytes) = (0, 0);
        let decoded = loop {
            if self.inbox.is_empty() || !self.window.has_room() {
                break Ok(());
            }
            match self.wire.decode(&mut self.inbox) {
                Ok(Some(packet)) => {
                    if let Inbound::Publish(publish) = &packet {
                        publishes += 1;
                        bytes += publish.payload.len();
                    }
                    if let Err(ending) = self.on_packet(packet) {
                        break Err(ending);
                    }
                }
                Ok(None) => break Ok(()),
                Err(ending) => break Err(ending),
            }
        };
        if publishes > 0 {
            self.bridge.counters.publishes.add(publishes);
            self.bridge.counters.publish_bytes.add(bytes);
        }
        if self.inbox.is_empty() && self.inbox.capacity() > 0 {
            self.inbox = BytesMut::new();
        }
        let started = self.start();
        decoded.and(started)
    }

    fn on_packet(&mut self, packet: Inbound) -> Result<(), Ending> {
        match packet {
            Inbound::Publish(publish) => self.on_publish(*publish)?,
            Inbound::Ack(id, taken) => self.on_ack(id, taken),
            Inbound::Subscribe(id, filters) => self.take_subscribe(id, filters)?,
            Inbound::Unsubscribe(id, filters) => self.take_unsubscribe(id, filters)?,
            Inbound::Ping => self.on_ping(),
            Inbound::Disconnect => return Err(Ending::Left),
            Inbound::Unexpected(name) => return Err(Ending::Unexpected(name)),
        }
        Ok(())
    }

    fn on_ping(&mut self) {
        Wire::pong(&mut self.outbox.bytes);
        let now = Instant::now();
        if self.timers.heartbeat_noted.is_none_or(|noted| now - noted >= LAST_SEEN_EVERY) {
            self.timers.heartbeat_noted = Some(now);
            self.note_seen(self.parties.own.place, Seen::Heartbeat);
        }
    }

    fn on_publish(&mut self, publish: rmqtt_codec::types::Publish) -> Result<(), Ending> {
        if publish.qos == QoS::ExactlyOnce {
            return Err(Ending::QosTwo);
        }
        // 3.1.1 has no way to say that retain is not there, so there the flag is ignored.
        if publish.retain && self.wire.is_v5() {
            return Err(Ending::Retain);
        }
        if publish.properties.as_ref().is_some_and(|p| p.topic_alias.is_some()) {
            return Err(Ending::Alias);
        }
        let topic = PublishTopic::parse(&publish.topic).map_err(|e| Ending::Topic(e.to_string()))?;
        let is_own = self.parties.own.is(topic.device());
        let is_control = matches!(topic, PublishTopic::Attach { .. } | PublishTopic::Detach { .. });
        if !self.is_gateway && is_control {
            return Err(Ending::Topic(format!("topic `{topic}` cannot be published to: the device is not a gateway")));
        }
        if !self.is_gateway && !is_own {
            let own = &self.parties.own.speaker.key.id;
            return Err(Ending::Topic(format!("topic `{topic}` belongs to another device: this session speaks for `{own}`")));
        }
        let named = || Foreign { device: topic.device().into(), topic: (&*publish.topic).into() };
        let foreign = (!is_own && !is_control).then(|| Box::new(named()));
        let what = match topic {
            PublishTopic::Events { subfolder, .. } => What::Event(Event {
                subfolder: subfolder.to_owned(),
                data: publish.payload,
                properties: publish.properties.map(|p| properties(p.user_properties)).unwrap_or_default(),
            }),
            PublishTopic::State { .. } => What::State(publish.payload),
            PublishTopic::Attach { .. } => What::Control(Box::new(Control::Attach(named(), publish.payload))),
            PublishTopic::Detach { .. } => What::Control(Box::new(Control::Detach(named()))),
        };
        self.window.hold(Publish { id: publish.packet_id, foreign, what });
        Ok(())
    }
}

/// MQTT 5 user properties become attributes of the message.
fn properties(user: rmqtt_codec::v5::UserProperties) -> Vec<(Cow<'static, str>, String)> {
    user.into_iter().map(|(name, value)| (Cow::Owned(name.to_string()), value.to_string())).collect()
}
