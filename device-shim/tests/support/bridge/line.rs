//! One connection to the bridge, and its act.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use base64::Engine as _;
use bytes::BytesMut;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{Codec, ConnectAck, Disconnect, Packet, PublishAck, PublishAckReason};
use rmqtt_codec::v5::{SubscribeAck, SubscribeAckReason, UnsubscribeAck, UnsubscribeAckReason};
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::{Act, Bridge, Got};

pub(super) struct Line {
    bridge: Bridge,
    stream: TcpStream,
    act: Act,
    codec: Codec,
    number: usize,
    published: usize,
    unacked: usize,
}

impl Line {
    pub(super) fn new(bridge: Bridge, stream: TcpStream, act: Act) -> Self {
        let number = {
            let mut seen = bridge.seen();
            seen.connections += 1;
            seen.connections
        };
        // Each PUBACK leaves by itself, and at once.
        stream.set_nodelay(true).unwrap();
        *bridge.live.lock().unwrap() = Some(stream.try_clone().unwrap());
        Self { bridge, stream, act, codec: Codec::new(0, 0), number, published: 0, unacked: 0 }
    }

    pub(super) fn serve(mut self) {
        let mut buffer = BytesMut::new();
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = self.stream.read(&mut chunk) {
            buffer.extend_from_slice(&chunk[..read]);
            let mut packets = Vec::new();
            while let Some((packet, _)) = self.codec.decode(&mut buffer).unwrap() {
                packets.push(packet);
            }
            self.unacked += packets.iter().filter(|packet| matches!(packet, Packet::Publish(_))).count();
            for packet in packets {
                if !self.answer(packet) {
                    let _gone = self.stream.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
    }

    fn say(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        self.codec.encode(packet, &mut bytes).unwrap();
        let _gone = self.stream.write_all(&bytes);
    }

    /// Whether the connection goes on.
    fn answer(&mut self, packet: Packet) -> bool {
        match packet {
            Packet::Connect(connect) => return self.connect(&connect),
            Packet::Publish(publish) => return self.publish(*publish),
            Packet::Subscribe(subscribe) => {
                for (filter, _) in &subscribe.topic_filters {
                    self.bridge.seen().subscribed.push(filter.to_string());
                }
                let status = vec![SubscribeAckReason::GrantedQos1; subscribe.topic_filters.len()];
                let properties = Vec::new();
                self.say(Packet::SubscribeAck(SubscribeAck { packet_id: subscribe.packet_id, properties, reason_string: None, status }));
            }
            Packet::Unsubscribe(unsubscribe) => {
                let gone: Vec<String> = unsubscribe.topic_filters.iter().map(ToString::to_string).collect();
                self.bridge.seen().subscribed.retain(|filter| !gone.contains(filter));
                let (properties, status) = (Vec::new(), vec![UnsubscribeAckReason::Success]);
                self.say(Packet::UnsubscribeAck(UnsubscribeAck {
                    packet_id: unsubscribe.packet_id,
                    properties,
                    reason_string: None,
                    status,
                }));
            }
            Packet::PingRequest => {
                self.bridge.seen().pings += 1;
                if !matches!(self.act, Act::Silent) {
                    self.say(Packet::PingResponse);
                }
            }
            Packet::PublishAck(_) => self.bridge.seen().pubacks += 1,
            Packet::Disconnect(_) => {
                self.bridge.seen().goodbyes += 1;
                return false;
            }
            other => panic!("unexpected {other:?}"),
        }
        true
    }

    fn connect(&mut self, connect: &rmqtt_codec::v5::Connect) -> bool {
        let token = connect.password.as_deref().unwrap();
        let claims = token.split(|byte| *byte == b'.').nth(1).unwrap();
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
        {
            let mut seen = self.bridge.seen();
            seen.tokens.push((Instant::now(), serde_json::from_slice(&claims).unwrap()));
            seen.client_ids.push(connect.client_id.to_string());
        }
        let mut ack = ConnectAck::default();
        match &self.act {
            Act::BlackHole => return true,
            Act::Refuse(code, reason) => (ack.reason_code, ack.reason_string) = (*code, Some(reason.clone().into())),
            Act::Slow(receive_max, _) => ack.receive_max = std::num::NonZeroU16::new(*receive_max).unwrap(),
            _ => {}
        }
        self.say(Packet::ConnectAck(Box::new(ack)));
        !matches!(self.act, Act::Refuse(..) | Act::DropAfterConnack)
    }

    fn publish(&mut self, publish: Publish) -> bool {
        let payload = String::from_utf8_lossy(&publish.payload).into_owned();
        let properties = publish.properties.unwrap_or_default().user_properties;
        let property = |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_string());
        let acked = match &self.act {
            Act::AckOnly(n) | Act::CutAfter(n) => self.published < *n,
            Act::Silent => false,
            Act::Poison(text, _) => !payload.contains(text),
            _ => true,
        };
        self.published += 1;
        self.bridge.seen().got.push(Got {
            connection: self.number,
            topic: publish.topic.to_string(),
            payload,
            reading_id: property("readingId").unwrap_or_default(),
            captured_at_ms: property("capturedAtMs").unwrap_or_default().parse().unwrap_or_default(),
            unit: property("unit").unwrap_or_default(),
            acked,
            unacked: self.unacked,
        });
        match &self.act {
            Act::Poison(_, code) if !acked => {
                let goodbye = Disconnect::new(*code);
                self.say(Packet::Disconnect(goodbye));
                return false;
            }
            Act::CutAfter(_) if !acked => return false,
            Act::Slow(_, wait) => std::thread::sleep(*wait),
            _ => {}
        }
        if acked {
            let (reason_code, properties) = (PublishAckReason::Success, Vec::new());
            let packet_id = publish.packet_id.unwrap();
            self.unacked -= 1;
            self.say(Packet::PublishAck(PublishAck { packet_id, reason_code, properties, reason_string: None }));
        }
        true
    }
}
