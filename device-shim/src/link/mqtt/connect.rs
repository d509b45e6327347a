//! One attempt: TCP, TLS, CONNECT, CONNACK, SUBSCRIBE to the configuration.

use bytes::BytesMut;
use protocol::SERVER_TIME_PROPERTY;
use rmqtt_codec::v5::{Codec, ConnectAck, ConnectAckReason, Packet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::session::{Agreed, MqttSession};
use super::{MqttLink, Stream, packet, stream};
use crate::clock::time_in_refusal;
use crate::link::LinkError;

/// Largest packet the bridge may send: a configuration or command of 64 KiB with its topic and properties, and room for larger ones.
const MAX_INBOUND_BYTES: u32 = 300 * 1024;
/// Share of a token's life after which it is renewed.
const RENEW_AT: f64 = 0.75;

pub(super) async fn connect(link: &MqttLink) -> Result<MqttSession, LinkError> {
    let mut stream = stream::open(&link.bridge, link.tls.as_ref()).await?;
    let signed_at = Instant::now();
    let token = link.identity.token(&link.clock).map_err(|error| LinkError::Protocol(format!("no token: {error}")))?;
    let keepalive_secs = u16::try_from(link.limits.keepalive.as_secs()).unwrap_or(u16::MAX);
    let (mut codec, mut buffer) = (Codec::new(MAX_INBOUND_BYTES, 0), BytesMut::new());
    codec.encode(packet::connect(link.identity.device(), token, keepalive_secs), &mut buffer).map_err(protocol)?;
    write_all(&mut stream, &mut buffer).await?;
    let ack = read_connack(&mut stream, &mut codec, &mut buffer).await?;
    let news = cloud_time(&ack).is_some_and(|ms| link.clock.learn(ms));
    if ack.reason_code != ConnectAckReason::Success {
        return Err(refusal(&ack, news));
    }
    let renew_at = signed_at + link.identity.token_life().mul_f64(RENEW_AT);
    let mut session = MqttSession::new(stream, codec, buffer, agreed(link, &ack, renew_at), link);
    session.subscribe_config();
    Ok(session)
}

fn agreed(link: &MqttLink, ack: &ConnectAck, renew_at: Instant) -> Agreed {
    let keepalive = ack.server_keepalive_sec.map_or(link.limits.keepalive, |secs| std::time::Duration::from_secs(secs.into()));
    Agreed {
        window: link.limits.window.min(ack.receive_max.get().into()),
        max_packet: ack.max_packet_size.map_or(usize::MAX, |max| max as usize),
        keepalive,
        renew_at,
    }
}

/// The cloud's time as far as a CONNACK tells it, in milliseconds since 1970.
fn cloud_time(ack: &ConnectAck) -> Option<u64> {
    let property = ack.user_properties.iter().find(|(key, _)| key == SERVER_TIME_PROPERTY).and_then(|(_, ms)| ms.parse().ok());
    property.or_else(|| ack.reason_string.as_deref().and_then(time_in_refusal))
}

fn refusal(ack: &ConnectAck, clock_corrected: bool) -> LinkError {
    let code = u8::from(ack.reason_code);
    let reason = ack.reason_string.as_deref().unwrap_or_else(|| packet::meaning(code)).to_owned();
    LinkError::Refused { code, reason, clock_corrected }
}

async fn write_all(stream: &mut Box<dyn Stream>, buffer: &mut BytesMut) -> Result<(), LinkError> {
    stream.write_all_buf(buffer).await.map_err(cut)?;
    stream.flush().await.map_err(cut)
}

async fn read_connack(stream: &mut Box<dyn Stream>, codec: &mut Codec, buffer: &mut BytesMut) -> Result<ConnectAck, LinkError> {
    loop {
        match codec.decode(buffer).map_err(protocol)? {
            Some((Packet::ConnectAck(ack), _)) => return Ok(*ack),
            Some((other, _)) => return Err(LinkError::Protocol(format!("packet type {:#x} instead of CONNACK", other.packet_type()))),
            None if stream.read_buf(buffer).await.map_err(cut)? == 0 => {
                return Err(LinkError::Cut("the bridge closed it before CONNACK".into()));
            }
            None => {}
        }
    }
}

pub(super) fn cut(error: std::io::Error) -> LinkError {
    LinkError::Cut(error.to_string())
}

pub(super) fn protocol(error: impl std::fmt::Display) -> LinkError {
    LinkError::Protocol(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clouds_time_is_read_from_the_property_or_else_from_the_reason() {
        let reason = Some("token expired … by the server's time 1970-01-01T00:00:09Z (…)".into());
        let told = ConnectAck {
            user_properties: vec![(SERVER_TIME_PROPERTY.into(), "7000".into())],
            reason_string: reason,
            ..ConnectAck::default()
        };
        assert_eq!(cloud_time(&told), Some(7_000));
        assert_eq!(cloud_time(&ConnectAck { user_properties: Vec::new(), ..told }), Some(9_000));
        assert_eq!(cloud_time(&ConnectAck::default()), None);
    }
}
