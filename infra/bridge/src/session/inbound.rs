//! What the device sends.

use std::borrow::Cow;

use bytes::BytesMut;
use domain::status::{LAST_SEEN_EVERY, Seen};
use protocol::PublishTopic;
use pubsub_fanout::Event;
use rmqtt_codec::types::QoS;
use tokio::time::Instant;

use super::Session;
use super::window::{Publish, What};
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
        self.window.start(&self.bridge, &self.speaker);
        decoded
    }

    fn on_packet(&mut self, packet: Inbound) -> Result<(), Ending> {
        match packet {
            Inbound::Publish(publish) => self.on_publish(*publish)?,
            Inbound::Ack(id, taken) => self.on_ack(id, taken),
            Inbound::Subscribe(id, filters) => self.on_subscribe(id, &filters)?,
            Inbound::Unsubscribe(id, filters) => self.on_unsubscribe(id, &filters)?,
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
            self.note_seen(Seen::Heartbeat);
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
        if !self.is_me(topic.device()) {
            return Err(Ending::Topic(format!(
                "topic `{topic}` belongs to another device: this session speaks for `{}`",
                self.speaker.key.id
            )));
        }
        let what = match topic {
            PublishTopic::Events { subfolder, .. } => What::Event(Event {
                subfolder: subfolder.to_owned(),
                data: publish.payload,
                properties: publish.properties.map(|p| properties(p.user_properties)).unwrap_or_default(),
            }),
            PublishTopic::State { .. } => What::State(publish.payload),
            PublishTopic::Attach { .. } | PublishTopic::Detach { .. } => return Err(self.no_gateway(&topic)),
        };
        self.window.hold(Publish { id: publish.packet_id, what });
        Ok(())
    }

    fn no_gateway(&self, topic: &PublishTopic<'_>) -> Ending {
        let why = if self.is_gateway { "this server does not attach devices to gateways" } else { "the device is not a gateway" };
        Ending::Topic(format!("topic `{topic}` cannot be published to: {why}"))
    }

    /// Whether a topic names this session's device, by id or by number.
    pub(super) fn is_me(&self, device: &str) -> bool {
        device == self.speaker.key.id.as_str() || device == &*self.number
    }
}

/// MQTT 5 user properties become attributes of the message.
fn properties(user: rmqtt_codec::v5::UserProperties) -> Vec<(Cow<'static, str>, String)> {
    user.into_iter().map(|(name, value)| (Cow::Owned(name.to_string()), value.to_string())).collect()
}
