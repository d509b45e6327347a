//! Packets of either version as requests.

use bytes::Bytes;
use rmqtt_codec::types::Publish;
use rmqtt_codec::{MqttPacket, v3, v5};

use super::Request;

pub(super) fn request(packet: MqttPacket) -> Request {
    match packet {
        MqttPacket::V3(packet) => from_v3(packet),
        MqttPacket::V5(packet) => from_v5(packet),
        MqttPacket::Version(_) => Request::Unexpected,
    }
}

fn from_v3(packet: v3::Packet) -> Request {
    match packet {
        v3::Packet::Connect(connect) => Request::Connect { keepalive_secs: connect.keep_alive, receive_max: usize::from(u16::MAX) },
        v3::Packet::Publish(publish) => from_publish(*publish),
        v3::Packet::PublishAck { packet_id } => Request::PubAck(packet_id),
        v3::Packet::Subscribe { packet_id, topic_filters } => {
            let filters = topic_filters.into_iter().map(|(filter, qos)| (filter.to_string(), qos)).collect();
            Request::Subscribe { id: packet_id, filters }
        }
        v3::Packet::Unsubscribe { packet_id, topic_filters } => {
            Request::Unsubscribe { id: packet_id, filters: topic_filters.iter().map(ToString::to_string).collect() }
        }
        v3::Packet::PingRequest => Request::Ping,
        v3::Packet::Disconnect => Request::Disconnect,
        _ => Request::Unexpected,
    }
}

fn from_v5(packet: v5::Packet) -> Request {
    match packet {
        v5::Packet::Connect(connect) => {
            let receive_max = connect.receive_max.map_or(usize::from(u16::MAX), |max| usize::from(max.get()));
            Request::Connect { keepalive_secs: connect.keep_alive, receive_max }
        }
        v5::Packet::Publish(publish) => from_publish(*publish),
        v5::Packet::PublishAck(ack) => Request::PubAck(ack.packet_id),
        v5::Packet::Subscribe(subscribe) => {
            let filters = subscribe.topic_filters.into_iter().map(|(filter, options)| (filter.to_string(), options.qos)).collect();
            Request::Subscribe { id: subscribe.packet_id, filters }
        }
        v5::Packet::Unsubscribe(unsubscribe) => {
            let filters = unsubscribe.topic_filters.iter().map(ToString::to_string).collect();
            Request::Unsubscribe { id: unsubscribe.packet_id, filters }
        }
        v5::Packet::PingRequest => Request::Ping,
        v5::Packet::Disconnect(_) => Request::Disconnect,
        _ => Request::Unexpected,
    }
}

fn from_publish(publish: Publish) -> Request {
    let given = publish.properties.map(|properties| properties.user_properties).unwrap_or_default();
    Request::Publish {
        topic: publish.topic.to_string(),
        qos: publish.qos,
        id: publish.packet_id,
        // A copy: the packet's buffer is the connection's, and a reading may wait for the disk.
        payload: Bytes::copy_from_slice(&publish.payload),
        properties: given.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    }
}
