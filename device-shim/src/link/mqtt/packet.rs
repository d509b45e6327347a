//! The packets the shim sends, and what reason codes mean.

use std::num::NonZeroU16;

use protocol::attribute;
use protocol::{DeviceName, PublishTopic};
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{
    Connect, Packet, PublishAck, PublishAckReason, PublishProperties, RetainHandling, Subscribe, SubscriptionOptions, Unsubscribe,
};

use crate::link::reading_id;
use crate::spool::{Kind, Stored};

/// Configurations and commands that the bridge may have on their way to us: 16.
const RECEIVE_MAX: NonZeroU16 = NonZeroU16::MIN.saturating_add(15);

/// CONNECT of a session that ends with its connection: the spool is our session.
pub(super) fn connect(device: &DeviceName, token: String, keepalive_secs: u16) -> Packet {
    Packet::Connect(Box::new(Connect {
        clean_start: true,
        keep_alive: keepalive_secs,
        session_expiry_interval_secs: 0,
        auth_method: None,
        auth_data: None,
        request_problem_info: true,
        request_response_info: false,
        receive_max: Some(RECEIVE_MAX),
        topic_alias_max: 0,
        user_properties: Vec::new(),
        max_packet_size: None,
        last_will: None,
        client_id: device.to_string().into(),
        username: Some("unused".into()),
        password: Some(token.into_bytes().into()),
        cert: None,
    }))
}

/// PUBLISH of a reading as `device` with its name and capture time.
pub(super) fn publish(device: &str, stored: &Stored, captured_at_ms: u64, packet_id: NonZeroU16) -> Publish {
    let device = stored.reading.device.as_deref().unwrap_or(device);
    let topic = match &stored.reading.kind {
        Kind::Events { subfolder } => PublishTopic::Events { device, subfolder },
        Kind::State => PublishTopic::State { device },
    };
    let own =
        [(attribute::READING_ID, reading_id(stored.boot, stored.seq).to_string()), (attribute::CAPTURED_AT_MS, captured_at_ms.to_string())];
    let given = stored.reading.properties.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into()));
    let user_properties = own.into_iter().map(|(key, value)| (key.into(), value.into())).chain(given).collect();
    Publish {
        dup: false,
        retain: false,
        qos: QoS::AtLeastOnce,
        topic: topic.to_string().into(),
        packet_id: Some(packet_id),
        payload: stored.reading.payload.clone(),
        properties: Some(PublishProperties { user_properties, ..PublishProperties::default() }),
    }
}

/// SUBSCRIBE at QoS 1 to one filter.
pub(super) fn subscribe(filter: String, packet_id: NonZeroU16) -> Packet {
    let options = SubscriptionOptions {
        qos: QoS::AtLeastOnce,
        no_local: false,
        retain_as_published: false,
        retain_handling: RetainHandling::AtSubscribe,
    };
    Packet::Subscribe(Subscribe { packet_id, id: None, user_properties: Vec::new(), topic_filters: vec![(filter.into(), options)] })
}

/// UNSUBSCRIBE from one filter.
pub(super) fn unsubscribe(filter: String, packet_id: NonZeroU16) -> Packet {
    Packet::Unsubscribe(Unsubscribe { packet_id, user_properties: Vec::new(), topic_filters: vec![filter.into()] })
}

/// PUBACK of what the bridge published to us.
pub(super) fn puback(packet_id: NonZeroU16) -> Packet {
    let reason_code = PublishAckReason::Success;
    Packet::PublishAck(PublishAck { packet_id, reason_code, properties: Vec::new(), reason_string: None })
}

/// What a reason code of CONNACK, PUBACK or DISCONNECT means, for a bridge that sends no reason string.
/// Source: MQTT 5.0, section 2.4.
pub(super) fn meaning(code: u8) -> &'static str {
    match code {
        0 => "normal disconnection",
        128 => "unspecified error",
        129 => "malformed packet",
        130 => "protocol error",
        131 => "implementation specific error",
        132 => "unsupported protocol version",
        133 => "client identifier not valid",
        134 => "bad user name or password",
        135 => "not authorized",
        136 => "server unavailable",
        137 => "server busy",
        138 => "banned",
        139 => "server shutting down",
        141 => "keep alive timeout",
        142 => "session taken over by another connection of this device",
        144 => "topic name invalid",
        147 => "receive maximum exceeded",
        149 => "packet too large",
        150 => "message rate too high",
        151 => "quota exceeded",
        152 => "administrative action",
        153 => "payload format invalid",
        155 => "QoS not supported",
        156 | 157 => "use another server",
        159 => "connection rate exceeded",
        160 => "maximum connect time",
        _ => "no reason given",
    }
}
