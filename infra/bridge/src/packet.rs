//! One vocabulary over MQTT 3.1.1 and 5, so that the session does not care which it speaks.

use std::num::NonZeroU16;

use bytes::{BufMut, Bytes, BytesMut};
use rmqtt_codec::error::{DecodeError, EncodeError};
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::PublishProperties;
use rmqtt_codec::{v3, v5};
use tokio_util::codec::{Decoder, Encoder};

use crate::ending::Ending;

/// What a device may send after CONNECT.
#[derive(Debug)]
pub(crate) enum Inbound {
    Publish(Box<Publish>),
    /// A PUBACK, and whether the device took what was sent (MQTT 5 can say that it did not).
    Ack(NonZeroU16, bool),
    Subscribe(NonZeroU16, Vec<(String, QoS)>),
    Unsubscribe(NonZeroU16, Vec<String>),
    Ping,
    Disconnect,
    /// A packet that a device has no reason to send now, by name.
    Unexpected(&'static str),
}

/// How one filter of a SUBSCRIBE was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Granted {
    Qos(QoS),
    NotOwn,
    Invalid,
}

/// The codec of one connection.
#[derive(Debug)]
pub(crate) enum Wire {
    V3(v3::Codec),
    V5(v5::Codec),
}

impl Wire {
    /// Whether the device speaks MQTT 5.
    pub(crate) fn is_v5(&self) -> bool {
        matches!(self, Self::V5(_))
    }

    /// Sets the largest packet taken from now on, in bytes.
    pub(crate) fn set_max_inbound(&mut self, bytes: u32) {
        match self {
            Self::V3(codec) => codec.set_max_size(bytes),
            Self::V5(codec) => codec.set_max_inbound_size(bytes),
        }
    }

    /// The next packet in `inbox`, if it is there in full.
    pub(crate) fn decode(&mut self, inbox: &mut BytesMut) -> Result<Option<Inbound>, Ending> {
        let decoded = match self {
            Self::V3(codec) => codec.decode(inbox).map(|p| p.map(|(p, _)| from_v3(p))),
            Self::V5(codec) => codec.decode(inbox).map(|p| p.map(|(p, _)| from_v5(p))),
        };
        decoded.map_err(|e| match e {
            DecodeError::MaxSizeExceeded { size, max } => Ending::PacketTooLarge { size, limit: max },
            e => Ending::Malformed(e.to_string()),
        })
    }

    /// Appends the PUBACK of `id`. The same four bytes in both versions: MQTT 5 leaves out the code of a success.
    pub(crate) fn ack(outbox: &mut BytesMut, id: NonZeroU16) {
        outbox.put_slice(&[0x40, 0x02]);
        outbox.put_u16(id.get());
    }

    /// Appends the PUBACK of `id` that says that it was refused; MQTT 3.1.1 has none.
    pub(crate) fn refuse(&mut self, outbox: &mut BytesMut, packet_id: NonZeroU16, why: &str) {
        let Self::V5(codec) = self else { return };
        let reason_code = v5::PublishAckReason::NotAuthorized;
        let ack = v5::PublishAck { packet_id, reason_code, properties: Vec::new(), reason_string: Some(why.into()) };
        // A gateway whose maximum packet size is below the text has it from the errors topic, or not at all.
        let _silently = codec.encode(v5::Packet::PublishAck(ack), outbox);
    }

    /// Appends a PINGRESP.
    pub(crate) fn pong(outbox: &mut BytesMut) {
        outbox.put_slice(&[0xD0, 0x00]);
    }

    /// Appends a PUBLISH, with user properties where the device speaks MQTT 5. Refused when it is larger than the device's
    /// maximum packet size (MQTT 5).
    pub(crate) fn publish(
        &mut self,
        outbox: &mut BytesMut,
        topic: String,
        payload: Bytes,
        id: Option<NonZeroU16>,
        user: Option<(&'static str, String)>,
    ) -> Result<(), EncodeError> {
        let qos = if id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let properties = user
            .filter(|_| self.is_v5())
            .map(|(name, value)| PublishProperties { user_properties: vec![(name.into(), value.into())], ..PublishProperties::default() });
        let publish = Publish { dup: false, retain: false, qos, topic: topic.into(), packet_id: id, payload, properties };
        match self {
            Self::V3(codec) => codec.encode(v3::Packet::Publish(Box::new(publish)), outbox),
            Self::V5(codec) => codec.encode(v5::Packet::Publish(Box::new(publish)), outbox),
        }
    }

    /// Appends the SUBACK with one answer per filter.
    pub(crate) fn suback(&mut self, outbox: &mut BytesMut, packet_id: NonZeroU16, granted: &[Granted]) -> Result<(), EncodeError> {
        match self {
            Self::V3(codec) => {
                let status = granted.iter().map(|g| suback_v3(*g)).collect();
                codec.encode(v3::Packet::SubscribeAck { packet_id, status }, outbox)
            }
            Self::V5(codec) => {
                let status = granted.iter().map(|g| suback_v5(*g)).collect();
                let ack = v5::SubscribeAck { packet_id, properties: Vec::new(), reason_string: None, status };
                codec.encode(v5::Packet::SubscribeAck(ack), outbox)
            }
        }
    }

    /// Appends the UNSUBACK; `existed` has one entry per filter.
    pub(crate) fn unsuback(&mut self, outbox: &mut BytesMut, packet_id: NonZeroU16, existed: &[bool]) -> Result<(), EncodeError> {
        use v5::UnsubscribeAckReason::{NoSubscriptionExisted, Success};
        match self {
            Self::V3(codec) => codec.encode(v3::Packet::UnsubscribeAck { packet_id }, outbox),
            Self::V5(codec) => {
                let status = existed.iter().map(|e| if *e { Success } else { NoSubscriptionExisted }).collect();
                let ack = v5::UnsubscribeAck { packet_id, properties: Vec::new(), reason_string: None, status };
                codec.encode(v5::Packet::UnsubscribeAck(ack), outbox)
            }
        }
    }

    /// Appends the DISCONNECT that says why; MQTT 3.1.1 has none.
    pub(crate) fn disconnect(&mut self, outbox: &mut BytesMut, ending: &Ending) {
        let (Self::V5(codec), Some(code)) = (self, ending.code()) else { return };
        let mut packet = v5::Disconnect::new(code);
        packet.reason_string = Some(ending.to_string().into());
        // A device whose maximum packet size is below this text is closed without it.
        let _silently = codec.encode(v5::Packet::Disconnect(packet), outbox);
    }
}

fn suback_v3(granted: Granted) -> v3::SubscribeReturnCode {
    match granted {
        Granted::Qos(qos) => v3::SubscribeReturnCode::Success(qos),
        Granted::NotOwn | Granted::Invalid => v3::SubscribeReturnCode::Failure,
    }
}

fn suback_v5(granted: Granted) -> v5::SubscribeAckReason {
    match granted {
        Granted::Qos(QoS::AtMostOnce) => v5::SubscribeAckReason::GrantedQos0,
        Granted::Qos(_) => v5::SubscribeAckReason::GrantedQos1,
        Granted::NotOwn => v5::SubscribeAckReason::NotAuthorized,
        Granted::Invalid => v5::SubscribeAckReason::TopicFilterInvalid,
    }
}

fn from_v3(packet: v3::Packet) -> Inbound {
    use v3::Packet as P;
    match packet {
        P::Publish(publish) => Inbound::Publish(publish),
        P::PublishAck { packet_id } => Inbound::Ack(packet_id, true),
        P::Subscribe { packet_id, topic_filters } => {
            Inbound::Subscribe(packet_id, topic_filters.into_iter().map(|(f, q)| (f.to_string(), q)).collect())
        }
        P::Unsubscribe { packet_id, topic_filters } => {
            Inbound::Unsubscribe(packet_id, topic_filters.into_iter().map(|f| f.to_string()).collect())
        }
        P::PingRequest => Inbound::Ping,
        P::Disconnect => Inbound::Disconnect,
        P::Connect(_) => Inbound::Unexpected("second CONNECT"),
        P::PublishReceived { .. } | P::PublishRelease { .. } | P::PublishComplete { .. } => Inbound::Unexpected("QoS 2"),
        _ => Inbound::Unexpected("server-to-client"),
    }
}

fn from_v5(packet: v5::Packet) -> Inbound {
    use v5::Packet as P;
    match packet {
        P::Publish(publish) => Inbound::Publish(publish),
        P::PublishAck(ack) => Inbound::Ack(ack.packet_id, u8::from(ack.reason_code) < 0x80),
        P::Subscribe(s) => Inbound::Subscribe(s.packet_id, s.topic_filters.into_iter().map(|(f, o)| (f.to_string(), o.qos)).collect()),
        P::Unsubscribe(u) => Inbound::Unsubscribe(u.packet_id, u.topic_filters.into_iter().map(|f| f.to_string()).collect()),
        P::PingRequest => Inbound::Ping,
        P::Disconnect(_) => Inbound::Disconnect,
        P::Connect(_) => Inbound::Unexpected("second CONNECT"),
        P::Auth(_) => Inbound::Unexpected("AUTH"),
        P::PublishReceived(_) | P::PublishRelease(_) | P::PublishComplete(_) => Inbound::Unexpected("QoS 2"),
        _ => Inbound::Unexpected("server-to-client"),
    }
}
