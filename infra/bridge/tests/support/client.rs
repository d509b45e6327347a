//! A device that speaks MQTT byte by byte: what is sent is written here by hand, what comes is read by the codec.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rmqtt_codec::types::QoS;
use rmqtt_codec::{v3, v5};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::codec::Decoder;

pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What a device got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    ConnAck {
        code: u8,
        session_present: bool,
        reason: Option<String>,
        details: Option<Box<v5::ConnectAck>>,
    },
    PubAck(u16),
    /// A PUBACK that says no (MQTT 5).
    Refused(u16, u8),
    SubAck(u16, Vec<u8>),
    UnsubAck(u16),
    Publish {
        topic: String,
        payload: Bytes,
        qos: u8,
        id: u16,
    },
    Pong,
    Disconnect {
        code: u8,
        reason: Option<String>,
    },
    Closed,
    Other(String),
}

enum Codec {
    V3(v3::Codec),
    V5(v5::Codec),
}

pub struct Client {
    pub io: Box<dyn Io>,
    /// User properties of the last PUBLISH (MQTT 5).
    pub user_properties: Vec<(String, String)>,
    inbox: BytesMut,
    codec: Codec,
}

fn text(s: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(s.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(s);
    out
}

/// A packet out of its first byte and its body.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (mut out, mut len) = (vec![first], body.len());
    loop {
        let byte = u8::try_from(len & 0x7F).unwrap();
        len >>= 7;
        out.push(if len > 0 { byte | 0x80 } else { byte });
        if len == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

/// A CONNECT as official samples send it: user name `unused`, clean session.
pub fn connect(level: u8, client_id: &str, token: &str, keep_alive: u16) -> Vec<u8> {
    let mut body = text(b"MQTT");
    body.extend([level, 0xC2]);
    body.extend(keep_alive.to_be_bytes());
    if level == 5 {
        body.push(0);
    }
    body.extend(text(client_id.as_bytes()));
    body.extend(text(b"unused"));
    body.extend(text(token.as_bytes()));
    packet(0x10, &body)
}

pub fn publish(level: u8, topic: &str, qos: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = text(topic.as_bytes());
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    if level == 5 {
        body.push(0);
    }
    body.extend_from_slice(payload);
    packet(0x30 | (qos << 1), &body)
}

pub fn subscribe(level: u8, id: u16, filters: &[(&str, u8)]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if level == 5 {
        body.push(0);
    }
    for (filter, qos) in filters {
        body.extend(text(filter.as_bytes()));
        body.push(*qos);
    }
    packet(0x82, &body)
}

impl Client {
    pub fn over(io: Box<dyn Io>, level: u8) -> Self {
        let codec = if level == 5 { Codec::V5(v5::Codec::new(0, 0)) } else { Codec::V3(v3::Codec::new(0)) };
        Self { io, user_properties: Vec::new(), inbox: BytesMut::new(), codec }
    }

    pub async fn open(addr: SocketAddr, level: u8) -> Self {
        Self::over(Box::new(TcpStream::connect(addr).await.unwrap()), level)
    }

    /// Sends CONNECT and reads the answer.
    pub async fn connect(addr: SocketAddr, level: u8, client_id: &str, token: &str) -> (Self, Got) {
        let mut client = Self::open(addr, level).await;
        client.send(&connect(level, client_id, token, 60)).await;
        let answer = client.next().await;
        (client, answer)
    }

    pub async fn accepted(addr: SocketAddr, level: u8, client_id: &str, token: &str) -> Self {
        let (client, answer) = Self::connect(addr, level, client_id, token).await;
        assert!(matches!(answer, Got::ConnAck { code: 0, session_present: false, .. }), "{answer:?}");
        client
    }

    /// Connected over MQTT 5 with a receive maximum of 1.
    pub async fn one_at_a_time(addr: SocketAddr, client_id: &str, token: &str) -> Self {
        let mut body = b"\0\x04MQTT\x05\xC2\0\x3C\x03\x21\x00\x01".to_vec();
        for part in [client_id, "unused", token] {
            body.extend(text(part.as_bytes()));
        }
        let mut client = Self::open(addr, 5).await;
        client.send(&packet(0x10, &body)).await;
        assert!(matches!(client.next().await, Got::ConnAck { code: 0, .. }));
        client
    }

    fn level(&self) -> u8 {
        if matches!(self.codec, Codec::V5(_)) { 5 } else { 4 }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
        self.io.flush().await.unwrap();
    }

    /// As [`Client::send`], of bytes that the other side may close upon before it has read them all.
    pub async fn io_send(&mut self, bytes: &[u8]) {
        let _closed_meanwhile = self.io.write_all(bytes).await;
    }

    pub async fn publish(&mut self, topic: &str, qos: u8, id: u16, payload: &[u8]) {
        let bytes = publish(self.level(), topic, qos, id, payload);
        self.send(&bytes).await;
    }

    pub async fn subscribe(&mut self, id: u16, filters: &[(&str, u8)]) {
        let bytes = subscribe(self.level(), id, filters);
        self.send(&bytes).await;
    }

    pub async fn ack(&mut self, id: u16) {
        self.send(&packet(0x40, &id.to_be_bytes())).await;
    }

    pub async fn ping(&mut self) {
        self.send(&[0xC0, 0]).await;
    }

    /// What comes next, waited for at most 5 s.
    pub async fn next(&mut self) -> Got {
        self.within(Duration::from_secs(5)).await.expect("nothing came in 5 s")
    }

    pub async fn within(&mut self, limit: Duration) -> Option<Got> {
        tokio::time::timeout(limit, self.read()).await.ok()
    }

    async fn read(&mut self) -> Got {
        loop {
            let decoded = match &mut self.codec {
                Codec::V3(codec) => codec.decode(&mut self.inbox).map(|p| p.map(|(p, _)| from_v3(p))),
                Codec::V5(codec) => codec.decode(&mut self.inbox).map(|p| {
                    p.map(|(p, _)| {
                        if let v5::Packet::Publish(publish) = &p {
                            let user = publish.properties.as_ref().map(|p| p.user_properties.clone()).unwrap_or_default();
                            self.user_properties = user.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
                        }
                        from_v5(p)
                    })
                }),
            };
            if let Some(got) = decoded.unwrap() {
                return got;
            }
            if !matches!(self.io.read_buf(&mut self.inbox).await, Ok(1..)) {
                return Got::Closed;
            }
        }
    }

    /// Reads up to the end; answers the reason of a DISCONNECT on the way.
    pub async fn closed(&mut self) -> Option<(u8, String)> {
        let mut why = None;
        loop {
            match self.next().await {
                Got::Disconnect { code, reason } => why = Some((code, reason.unwrap_or_default())),
                Got::Closed => return why,
                _ => {}
            }
        }
    }
}

fn from_v3(packet: v3::Packet) -> Got {
    use v3::Packet as P;
    match packet {
        P::ConnectAck(a) => Got::ConnAck { code: a.return_code.into(), session_present: a.session_present, reason: None, details: None },
        P::PublishAck { packet_id } => Got::PubAck(packet_id.get()),
        P::SubscribeAck { packet_id, status } => {
            let code = |s: &v3::SubscribeReturnCode| match s {
                v3::SubscribeReturnCode::Success(qos) => qos.value(),
                v3::SubscribeReturnCode::Failure => 128,
            };
            Got::SubAck(packet_id.get(), status.iter().map(code).collect())
        }
        P::UnsubscribeAck { packet_id } => Got::UnsubAck(packet_id.get()),
        P::Publish(p) => from_publish(*p),
        P::PingResponse => Got::Pong,
        other => Got::Other(format!("{other:?}")),
    }
}

fn from_v5(packet: v5::Packet) -> Got {
    use v5::Packet as P;
    match packet {
        P::ConnectAck(a) => {
            let reason = a.reason_string.as_ref().map(ToString::to_string);
            Got::ConnAck { code: a.reason_code.into(), session_present: a.session_present, reason, details: Some(a) }
        }
        P::PublishAck(a) if u8::from(a.reason_code) >= 0x80 => Got::Refused(a.packet_id.get(), u8::from(a.reason_code)),
        P::PublishAck(a) => Got::PubAck(a.packet_id.get()),
        P::SubscribeAck(a) => Got::SubAck(a.packet_id.get(), a.status.iter().map(|s| (*s).into()).collect()),
        P::UnsubscribeAck(a) => Got::UnsubAck(a.packet_id.get()),
        P::Publish(p) => from_publish(*p),
        P::PingResponse => Got::Pong,
        P::Disconnect(d) => Got::Disconnect { code: d.reason_code.into(), reason: d.reason_string.map(|r| r.to_string()) },
        other => Got::Other(format!("{other:?}")),
    }
}

fn from_publish(p: rmqtt_codec::types::Publish) -> Got {
    let id = p.packet_id.map_or(0, Into::into);
    let qos = if p.qos == QoS::AtMostOnce { 0 } else { p.qos.value() };
    Got::Publish { topic: p.topic.to_string(), payload: p.payload, qos, id }
}
