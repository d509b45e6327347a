//! A bridge that follows a script, one act per connection; then it behaves.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::BytesMut;
use protocol::DeviceClaims;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{Codec, ConnectAck, ConnectAckReason, Disconnect, DisconnectReasonCode, Packet, PublishAck, PublishAckReason};
use rmqtt_codec::v5::{PublishProperties, SubscribeAck, SubscribeAckReason, UnsubscribeAck, UnsubscribeAckReason};
use tokio_util::codec::{Decoder as _, Encoder as _};

/// What happens to a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Everything is acknowledged.
    Behave,
    /// CONNACK with this code and reason.
    Refuse(ConnectAckReason, String),
    /// CONNACK, and the end.
    DropAfterConnack,
    /// The first so many publishes are acknowledged, the next are taken and never acknowledged; pings are answered.
    AckOnly(usize),
    /// The same, and then the line is cut.
    CutAfter(usize),
    /// Nothing is ever said.
    BlackHole,
    /// CONNACK and SUBACK, then nothing is ever said, not even to a ping.
    Silent,
    /// A publish whose payload contains this text ends the connection with the code.
    Poison(&'static str, DisconnectReasonCode),
    /// Receive Maximum and a wait before each acknowledgement.
    Slow(u16, Duration),
}

/// A publish as it came.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) connection: usize,
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) reading_id: String,
    pub(crate) captured_at_ms: u64,
    /// The user property `unit`, if any.
    pub(crate) unit: String,
    pub(crate) acked: bool,
    /// Publishes of this connection that awaited their acknowledgement, this one included.
    pub(crate) unacked: usize,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) got: Vec<Got>,
    pub(crate) tokens: Vec<(Instant, DeviceClaims)>,
    pub(crate) client_ids: Vec<String>,
    pub(crate) connections: usize,
    pub(crate) pings: usize,
    pub(crate) goodbyes: usize,
    pub(crate) subscribed: Vec<String>,
    pub(crate) pubacks: usize,
}

#[derive(Clone)]
pub(crate) struct Bridge {
    pub(crate) addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    script: Arc<Mutex<VecDeque<Act>>>,
    live: Arc<Mutex<Option<TcpStream>>>,
}

impl Bridge {
    pub(crate) fn start(script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let bridge = Self {
            addr: listener.local_addr().unwrap(),
            seen: Arc::default(),
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            live: Arc::default(),
        };
        let serving = bridge.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let act = serving.script.lock().unwrap().pop_front().unwrap_or(Act::Behave);
                let one = serving.clone();
                std::thread::spawn(move || Line::new(one, stream, act).serve());
            }
        });
        bridge
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Payloads that were acknowledged, in the order of arrival.
    pub(crate) fn acked(&self) -> Vec<String> {
        self.seen().got.iter().filter(|got| got.acked).map(|got| got.payload.clone()).collect()
    }

    /// Payloads as they arrived, acknowledged or not.
    pub(crate) fn arrived(&self) -> Vec<String> {
        self.seen().got.iter().map(|got| got.payload.clone()).collect()
    }

    /// Sends to the connected device at QoS 1.
    pub(crate) fn send(&self, topic: &str, payload: &str) {
        let publish = Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: topic.to_owned().into(),
            packet_id: std::num::NonZeroU16::new(7),
            payload: payload.to_owned().into(),
            properties: Some(PublishProperties::default()),
        };
        let mut bytes = BytesMut::new();
        Codec::new(0, 0).encode(Packet::Publish(Box::new(publish)), &mut bytes).unwrap();
        self.live.lock().unwrap().as_ref().unwrap().write_all(&bytes).unwrap();
    }

    /// Cuts the line.
    pub(crate) fn cut(&self) {
        if let Some(stream) = self.live.lock().unwrap().take() {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }
}

struct Line {
    bridge: Bridge,
    stream: TcpStream,
    act: Act,
    codec: Codec,
    number: usize,
    published: usize,
    unacked: usize,
}

impl Line {
    fn new(bridge: Bridge, stream: TcpStream, act: Act) -> Self {
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

    fn serve(mut self) {
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
