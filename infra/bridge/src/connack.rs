//! The answer to CONNECT: let in, or refused with the code and the text that say why.

use std::num::NonZeroU16;

use bytes::BytesMut;
use domain::status::ErrorStatus;
use domain::{PortError, Refusal, Timestamp};
use protocol::{NameError, SERVER_TIME_PROPERTY};
use rmqtt_codec::types::QoS;
use rmqtt_codec::v3::{self, ConnectAckReason as Code3};
use rmqtt_codec::v5::{self, ConnectAckReason as Code5};
use tokio_util::codec::Encoder;

use crate::counters::{Counter, Counters};
use crate::ending::refusal_code;
use crate::limits::{FIXED_HEADER_BYTES, MAX_PACKET_BYTES};
use crate::packet::Wire;

/// Why a connection was not let in. The text goes into the MQTT 5 reason string.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the connection ended before its CONNECT: {0}")]
    Broken(String),
    #[error("not an MQTT CONNECT: {0}")]
    NotMqtt(String),
    #[error("protocol level {0} is not supported: use MQTT 3.1.1 (4) or 5")]
    Version(u8),
    #[error("malformed CONNECT: {0}")]
    Malformed(String),
    #[error("a will is not supported with {0}")]
    Will(&'static str),
    #[error("authentication method `{0}` is not supported: send the JWT as the password")]
    AuthMethod(String),
    #[error("client id: {0}")]
    ClientId(#[from] NameError),
    #[error("client id: it is empty, expected a device name")]
    NoClientId,
    #[error("{0}")]
    Credentials(#[from] Refusal),
    #[error("the device registry cannot be read now: try again")]
    Unavailable(#[from] PortError),
    #[error("the server has as many sessions as it takes ({0}): try again")]
    Full(usize),
}

impl Refused {
    fn v3(&self) -> Option<Code3> {
        match self {
            Self::Broken(_) | Self::NotMqtt(_) | Self::Malformed(_) | Self::Will(_) | Self::AuthMethod(_) => None,
            Self::Version(_) => Some(Code3::UnacceptableProtocolVersion),
            Self::ClientId(_) | Self::NoClientId => Some(Code3::IdentifierRejected),
            Self::Credentials(_) => Some(Code3::NotAuthorized),
            Self::Unavailable(_) | Self::Full(_) => Some(Code3::ServiceUnavailable),
        }
    }

    fn v5(&self) -> Option<Code5> {
        Some(match self {
            Self::Broken(_) | Self::NotMqtt(_) => return None,
            Self::Version(_) => Code5::UnsupportedProtocolVersion,
            Self::Malformed(_) => Code5::MalformedPacket,
            Self::Will("QoS 2") => Code5::QosNotSupported,
            Self::Will(_) => Code5::RetainNotSupported,
            Self::AuthMethod(_) => Code5::BadAuthenticationMethod,
            Self::ClientId(_) | Self::NoClientId => Code5::ClientIdentifierNotValid,
            Self::Credentials(Refusal::Blocked) => Code5::Banned,
            Self::Credentials(_) => Code5::NotAuthorized,
            Self::Unavailable(_) => Code5::ServerUnavailable,
            Self::Full(_) => Code5::ServerBusy,
        })
    }

    /// What `lastErrorStatus` of the named device will say; `None` when it is not about the device.
    pub(crate) fn status(&self) -> Option<ErrorStatus> {
        let Self::Credentials(refusal) = self else { return None };
        Some(ErrorStatus { code: refusal_code(refusal), message: format!("mqtt: SERVER: {refusal}") })
    }

    /// Whether the device had proved to be itself before it was refused.
    pub(crate) fn is_of_the_device(&self) -> bool {
        matches!(self, Self::Credentials(Refusal::Blocked | Refusal::ProtocolDisabled(_)))
    }

    /// The counter of this kind of refusal.
    pub(crate) fn counter<'c>(&self, counters: &'c Counters) -> &'c Counter {
        match self {
            Self::Broken(_) => &counters.refused_broken,
            Self::NotMqtt(_) | Self::Version(_) | Self::Malformed(_) | Self::Will(_) => &counters.refused_malformed,
            Self::ClientId(_) | Self::NoClientId => &counters.refused_client_id,
            Self::Credentials(_) | Self::AuthMethod(_) => &counters.refused_credentials,
            Self::Unavailable(_) => &counters.refused_unavailable,
            Self::Full(_) => &counters.refused_full,
        }
    }

    /// The CONNACK that says so, in the device's version; empty when the standard has none for it.
    pub(crate) fn connack(&self, wire: &mut Wire, now: Timestamp) -> BytesMut {
        let mut bytes = BytesMut::new();
        let encoded = match (wire, self.v3(), self.v5()) {
            (Wire::V3(codec), Some(return_code), _) => {
                codec.encode(v3::Packet::ConnectAck(v3::ConnectAck { return_code, session_present: false }), &mut bytes)
            }
            (Wire::V5(codec), _, Some(reason_code)) => {
                let ack = v5::ConnectAck {
                    reason_code,
                    reason_string: Some(self.to_string().into()),
                    user_properties: server_time(now),
                    ..Default::default()
                };
                codec.encode(v5::Packet::ConnectAck(Box::new(ack)), &mut bytes)
            }
            _ => Ok(()),
        };
        // A device whose maximum packet size is below the text is closed without it.
        if encoded.is_err() { BytesMut::new() } else { bytes }
    }
}

/// Lets a device whose clock is wrong know the time.
fn server_time(now: Timestamp) -> v5::UserProperties {
    vec![(SERVER_TIME_PROPERTY.into(), (now.0 / 1000).to_string().into())]
}

/// The CONNACK that lets a device in and, in MQTT 5, says what this server has.
pub(crate) fn accepted(wire: &mut Wire, window: usize, keep_alive: Option<u16>, now: Timestamp) -> BytesMut {
    let mut bytes = BytesMut::new();
    let encoded = match wire {
        Wire::V3(codec) => {
            let ack = v3::ConnectAck { return_code: Code3::ConnectionAccepted, session_present: false };
            codec.encode(v3::Packet::ConnectAck(ack), &mut bytes)
        }
        Wire::V5(codec) => {
            let window = u16::try_from(window).unwrap_or(u16::MAX);
            let ack = v5::ConnectAck {
                session_expiry_interval_secs: Some(0),
                receive_max: NonZeroU16::new(window).unwrap_or(NonZeroU16::MIN),
                max_qos: QoS::AtLeastOnce,
                // The codec counts what follows the fixed header, the standard counts the header's 5 bytes too.
                max_packet_size: Some(MAX_PACKET_BYTES + FIXED_HEADER_BYTES),
                topic_alias_max: 0,
                retain_available: false,
                wildcard_subscription_available: true,
                subscription_identifiers_available: false,
                shared_subscription_available: false,
                server_keepalive_sec: keep_alive,
                user_properties: server_time(now),
                ..Default::default()
            };
            codec.encode(v5::Packet::ConnectAck(Box::new(ack)), &mut bytes)
        }
    };
    // Only a client that takes packets of under 50 bytes gets here without one; it cannot be served anyhow.
    if encoded.is_err() { BytesMut::new() } else { bytes }
}
