//! The two versions of MQTT as one: what clients ask and what we answer.

mod incoming;
mod outgoing;

use std::num::NonZeroU16;

use bytes::{Bytes, BytesMut};
use protocol::limits::MAX_EVENT_BYTES;
use rmqtt_codec::types::QoS;
use rmqtt_codec::version::{ProtocolVersion, VersionCodec};
use rmqtt_codec::{MqttCodec, v3, v5};
use tokio_util::codec::Decoder as _;

/// Largest packet read: an event with its topic and properties.
const MAX_PACKET_BYTES: u32 = MAX_EVENT_BYTES as u32 + 16 * 1024;

/// What a client sends.
#[derive(Debug, PartialEq)]
pub(super) enum Request {
    Connect {
        keepalive_secs: u16,
        receive_max: usize,
    },
    Publish {
        topic: String,
        qos: QoS,
        id: Option<NonZeroU16>,
        payload: Bytes,
        properties: Vec<(String, String)>,
    },
    PubAck(NonZeroU16),
    Subscribe {
        id: NonZeroU16,
        filters: Vec<(String, QoS)>,
    },
    Unsubscribe {
        id: NonZeroU16,
        filters: Vec<String>,
    },
    Ping,
    Disconnect,
    /// A packet that a client has no reason to send here.
    Unexpected,
}

/// What we send. Codes are those of MQTT 5.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    ConnAck { receive_max: u16 },
    PubAck { id: NonZeroU16, refused: Option<String> },
    SubAck { id: NonZeroU16, granted: Vec<Option<QoS>> },
    UnsubAck { id: NonZeroU16, count: usize },
    Publish { topic: String, payload: Bytes, id: Option<NonZeroU16> },
    Pong,
    Goodbye { code: v5::DisconnectReasonCode, reason: String },
}

/// One connection's codec: the version is known from the first bytes on.
pub(super) struct Wire {
    codec: Option<MqttCodec>,
}

impl Wire {
    pub(super) fn new() -> Self {
        Self { codec: None }
    }

    /// Whether replies can carry reasons.
    pub(super) fn is_v5(&self) -> bool {
        matches!(self.codec, Some(MqttCodec::V5(_)))
    }

    /// The next request in `bytes`, if it is complete. An error is one sentence; the connection cannot go on.
    pub(super) fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Request>, String> {
        let unreadable = |error| format!("the packet cannot be read: {error}");
        let codec = match &mut self.codec {
            Some(codec) => codec,
            None => match VersionCodec.decode(bytes).map_err(unreadable)? {
                None => return Ok(None),
                Some(ProtocolVersion::MQTT3) => self.codec.insert(MqttCodec::V3(v3::Codec::new(MAX_PACKET_BYTES))),
                Some(ProtocolVersion::MQTT5) => self.codec.insert(MqttCodec::V5(v5::Codec::new(MAX_PACKET_BYTES, 0))),
            },
        };
        Ok(codec.decode(bytes).map_err(unreadable)?.map(|(packet, _)| incoming::request(packet)))
    }
}
