//! Replies as packets of either version.

use std::num::NonZeroU16;

use bytes::BytesMut;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::{MqttCodec, MqttPacket, v3, v5};
use tokio_util::codec::Encoder as _;

use super::{Reply, Wire};

impl Wire {
    /// Appends a reply to `out`. What a version cannot say is left out.
    pub(in super::super) fn encode(&mut self, reply: Reply, out: &mut BytesMut) {
        let Some(codec) = &mut self.codec else { return };
        let packet = match codec {
            MqttCodec::V5(_) => MqttPacket::V5(to_v5(reply)),
            _ => match to_v3(reply) {
                Some(packet) => MqttPacket::V3(packet),
                None => return,
            },
        };
        if let Err(error) = codec.encode(packet, out) {
            tracing::error!(%error, "Could not encode a reply");
        }
    }
}

fn to_v3(reply: Reply) -> Option<v3::Packet> {
    Some(match reply {
        Reply::ConnAck { .. } => {
            v3::Packet::ConnectAck(v3::ConnectAck { return_code: v3::ConnectAckReason::ConnectionAccepted, session_present: false })
        }
        // 3.1.1 has no way to refuse a publish but the end of the connection, which follows.
        Reply::PubAck { refused: Some(_), .. } | Reply::Goodbye { .. } => return None,
        Reply::PubAck { id, refused: None } => v3::Packet::PublishAck { packet_id: id },
        Reply::SubAck { id, granted } => {
            let status = |qos: Option<QoS>| qos.map_or(v3::SubscribeReturnCode::Failure, v3::SubscribeReturnCode::Success);
            v3::Packet::SubscribeAck { packet_id: id, status: granted.into_iter().map(status).collect() }
        }
        Reply::UnsubAck { id, .. } => v3::Packet::UnsubscribeAck { packet_id: id },
        Reply::Publish { topic, payload, id } => v3::Packet::Publish(Box::new(publish(topic, payload, id, None))),
        Reply::Pong => v3::Packet::PingResponse,
    })
}

fn to_v5(reply: Reply) -> v5::Packet {
    match reply {
        Reply::ConnAck { receive_max } => v5::Packet::ConnectAck(Box::new(v5::ConnectAck {
            receive_max: NonZeroU16::new(receive_max).unwrap_or(NonZeroU16::MIN),
            max_qos: QoS::AtLeastOnce,
            retain_available: false,
            shared_subscription_available: false,
            subscription_identifiers_available: false,
            max_packet_size: Some(super::MAX_PACKET_BYTES),
            ..v5::ConnectAck::default()
        })),
        Reply::PubAck { id, refused } => v5::Packet::PublishAck(v5::PublishAck {
            packet_id: id,
            reason_code: if refused.is_some() { v5::PublishAckReason::QuotaExceeded } else { v5::PublishAckReason::Success },
            properties: Vec::new(),
            reason_string: refused.map(Into::into),
        }),
        Reply::SubAck { id, granted } => v5::Packet::SubscribeAck(v5::SubscribeAck {
            packet_id: id,
            properties: Vec::new(),
            reason_string: None,
            status: granted.into_iter().map(suback).collect(),
        }),
        Reply::UnsubAck { id, count } => v5::Packet::UnsubscribeAck(v5::UnsubscribeAck {
            packet_id: id,
            properties: Vec::new(),
            reason_string: None,
            status: vec![v5::UnsubscribeAckReason::Success; count],
        }),
        Reply::Publish { topic, payload, id } => {
            v5::Packet::Publish(Box::new(publish(topic, payload, id, Some(v5::PublishProperties::default()))))
        }
        Reply::Pong => v5::Packet::PingResponse,
        Reply::Goodbye { code, reason } => {
            v5::Packet::Disconnect(v5::Disconnect { reason_string: Some(reason.into()), ..v5::Disconnect::new(code) })
        }
    }
}

fn suback(granted: Option<QoS>) -> v5::SubscribeAckReason {
    match granted {
        Some(QoS::AtMostOnce) => v5::SubscribeAckReason::GrantedQos0,
        Some(_) => v5::SubscribeAckReason::GrantedQos1,
        None => v5::SubscribeAckReason::TopicFilterInvalid,
    }
}

fn publish(topic: String, payload: bytes::Bytes, id: Option<NonZeroU16>, properties: Option<v5::PublishProperties>) -> Publish {
    let qos = if id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    Publish { dup: false, retain: false, qos, topic: topic.into(), packet_id: id, payload, properties }
}
