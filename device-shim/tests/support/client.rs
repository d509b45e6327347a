//! A local MQTT client of either version, packet by packet.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU16;
use std::time::Duration;

use bytes::BytesMut;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::{MqttCodec, MqttPacket, v3, v5};
use tokio_util::codec::{Decoder as _, Encoder as _};

pub(crate) struct Client {
    stream: TcpStream,
    codec: MqttCodec,
    buffer: BytesMut,
}

pub(crate) fn id(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Client {
    pub(crate) fn v3(addr: SocketAddr) -> Self {
        let mut client = Self::raw(addr, MqttCodec::V3(v3::Codec::new(0)));
        let connect = v3::Connect { clean_session: true, keep_alive: 60, client_id: "any".into(), ..v3::Connect::default() };
        client.say(MqttPacket::V3(v3::Packet::Connect(Box::new(connect))));
        assert!(matches!(client.hear(), Some(MqttPacket::V3(v3::Packet::ConnectAck(_)))));
        client
    }

    pub(crate) fn v5(addr: SocketAddr) -> Self {
        let mut client = Self::raw(addr, MqttCodec::V5(v5::Codec::new(0, 0)));
        let connect = serde_json::json!({"clean_start": true, "keep_alive": 60, "session_expiry_interval_secs": 0, "request_problem_info": true,
            "request_response_info": false, "topic_alias_max": 0, "user_properties": [], "client_id": "any"});
        let connect: v5::Connect = serde_json::from_value(connect).unwrap();
        client.say(MqttPacket::V5(v5::Packet::Connect(Box::new(connect))));
        assert!(matches!(client.hear(), Some(MqttPacket::V5(v5::Packet::ConnectAck(_)))));
        client
    }

    pub(crate) fn raw(addr: SocketAddr, codec: MqttCodec) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream, codec, buffer: BytesMut::new() }
    }

    pub(crate) fn say(&mut self, packet: MqttPacket) {
        let mut bytes = BytesMut::new();
        self.codec.encode(packet, &mut bytes).unwrap();
        self.write(&bytes);
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _gone = self.stream.write_all(bytes);
    }

    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8], qos: QoS, packet_id: u16) {
        self.publish_with(topic, payload, qos, packet_id, Vec::new());
    }

    pub(crate) fn publish_with(&mut self, topic: &str, payload: &[u8], qos: QoS, packet_id: u16, user_properties: v5::UserProperties) {
        let publish = Publish {
            dup: false,
            retain: false,
            qos,
            topic: topic.to_owned().into(),
            packet_id: NonZeroU16::new(packet_id),
            payload: payload.to_vec().into(),
            properties: Some(v5::PublishProperties::from(user_properties)),
        };
        self.say(match self.codec {
            MqttCodec::V5(_) => MqttPacket::V5(v5::Packet::Publish(Box::new(publish))),
            _ => MqttPacket::V3(v3::Packet::Publish(Box::new(publish))),
        });
    }

    pub(crate) fn subscribe_v3(&mut self, filters: &[&str]) -> Vec<v3::SubscribeReturnCode> {
        let topic_filters = filters.iter().map(|filter| ((*filter).to_owned().into(), QoS::AtLeastOnce)).collect();
        self.say(MqttPacket::V3(v3::Packet::Subscribe { packet_id: id(9), topic_filters }));
        match self.hear() {
            Some(MqttPacket::V3(v3::Packet::SubscribeAck { status, .. })) => status,
            other => panic!("{other:?} instead of SUBACK"),
        }
    }

    /// The next packet; `None` when the connection is closed.
    pub(crate) fn hear(&mut self) -> Option<MqttPacket> {
        loop {
            if let Some((packet, _)) = self.codec.decode(&mut self.buffer).unwrap() {
                return Some(packet);
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                Err(error) => panic!("no packet came: {error}"),
            }
        }
    }

    pub(crate) fn hear_v3(&mut self) -> Option<v3::Packet> {
        self.hear().map(|packet| match packet {
            MqttPacket::V3(packet) => packet,
            other => panic!("{other:?}"),
        })
    }

    pub(crate) fn hear_v5(&mut self) -> Option<v5::Packet> {
        self.hear().map(|packet| match packet {
            MqttPacket::V5(packet) => packet,
            other => panic!("{other:?}"),
        })
    }
}
