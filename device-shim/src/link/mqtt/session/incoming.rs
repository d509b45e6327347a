//! What the bridge's packets mean.

use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{Packet, PublishAck};

use super::{MqttSession, packet};
use crate::link::{Event, LinkError, Receipt};

impl MqttSession {
    /// The event in a packet, if there is one.
    pub(super) fn receive(&mut self, packet: Packet) -> Result<Option<Event>, LinkError> {
        match packet {
            Packet::PublishAck(ack) => self.receive_puback(&ack),
            Packet::Publish(publish) => Ok(self.receive_publish(*publish)),
            Packet::PingResponse | Packet::UnsubscribeAck(_) => Ok(None),
            Packet::SubscribeAck(ack) => {
                if let Some(refused) = ack.status.iter().find(|status| u8::from(**status) >= 128) {
                    tracing::warn!(code = u8::from(*refused), "The bridge refused a subscription");
                }
                Ok(None)
            }
            Packet::Disconnect(goodbye) => {
                let code = u8::from(goodbye.reason_code);
                let reason = goodbye.reason_string.as_deref().unwrap_or_else(|| packet::meaning(code)).to_owned();
                Err(LinkError::Disconnected { code, reason })
            }
            other => Err(LinkError::Protocol(format!("unexpected packet type {:#x}", other.packet_type()))),
        }
    }

    fn receive_puback(&mut self, ack: &PublishAck) -> Result<Option<Event>, LinkError> {
        let Some(at) = self.unacked.iter().position(|(id, _)| *id == ack.packet_id) else {
            return Err(LinkError::Protocol(format!("PUBACK of packet {}, which awaits none", ack.packet_id)));
        };
        let Some((_, seq)) = self.unacked.remove(at) else { return Ok(None) };
        self.timers.began_to_wait();
        let code = u8::from(ack.reason_code);
        let reason = || ack.reason_string.as_deref().unwrap_or_else(|| packet::meaning(code)).to_owned();
        match code {
            0..128 => Ok(Some(Event::Acked(seq))),
            // Not taken, so not gone: the next session sends it again, alone if the code says that it is to blame.
            _ => Err(LinkError::Disconnected { code, reason: reason() }),
        }
    }

    fn receive_publish(&mut self, publish: Publish) -> Option<Event> {
        let receipt = publish.packet_id.map(Receipt);
        let rest = publish.topic.strip_prefix("/devices/").and_then(|rest| rest.strip_prefix(self.device.as_str()));
        match rest {
            Some("/config") => Some(Event::Config(publish.payload, receipt)),
            Some(rest) if rest.starts_with("/commands") => {
                let subfolder = rest.trim_start_matches("/commands").trim_start_matches('/').to_owned();
                Some(Event::Command(subfolder, publish.payload, receipt))
            }
            _ => {
                tracing::warn!(topic = %publish.topic, "The bridge sent what nobody asked for; dropped");
                None
            }
        }
    }
}
