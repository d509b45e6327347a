//! Why a session ends: what the device is told, what `lastErrorStatus` says, what is counted. One match each.

use domain::status::ErrorStatus;
use domain::{Refusal, Timestamp};
use pubsub_fanout::EventError;
use rmqtt_codec::v5::DisconnectReasonCode as Code;

use crate::counters::{Counter, Counters};

/// The end of a session. The texts are for the owner of the device.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ending {
    #[error("the device disconnected")]
    Left,
    #[error("the connection was closed or broken by the client: {0}")]
    Lost(String),
    #[error("the connection was closed because no packet came for {0} s (keep-alive times 1.5, or the idle limit)")]
    Silent(u64),
    #[error("another connection of the same device took over")]
    TakenOver,
    #[error("the authorization token expired: with the tolerated clock difference it was good until {0}")]
    Expired(Timestamp),
    #[error("a session ends here after at most {0} s: everything taken is acknowledged, connect again")]
    MaxSession(u64),
    #[error("{0}")]
    Revoked(#[from] Refusal),
    #[error("the device or its registry was deleted")]
    Deleted,
    /// Of an attached device alone.
    #[error("{0}")]
    NotBound(String),
    #[error("{0}")]
    Topic(String),
    #[error("QoS 2 is not supported: publish with QoS 0 or 1")]
    QosTwo,
    #[error("retained messages are not supported")]
    Retain,
    #[error("topic aliases are not supported (the server's topic alias maximum is 0)")]
    Alias,
    #[error("unexpected {0} packet")]
    Unexpected(&'static str),
    #[error("packet of {size} bytes exceeds the limit of {limit} bytes")]
    PacketTooLarge { size: u32, limit: u32 },
    #[error("malformed packet: {0}")]
    Malformed(String),
    #[error("{0}")]
    Publish(EventError),
    #[error("the device took no byte for {0} s")]
    Stalled(u64),
    #[error("the connection is closed because the server is shutting down")]
    Shutdown,
}

/// `google.rpc.Code` numbers used here.
pub(crate) mod rpc {
    pub(crate) const INVALID_ARGUMENT: i32 = 3;
    pub(crate) const DEADLINE_EXCEEDED: i32 = 4;
    pub(crate) const NOT_FOUND: i32 = 5;
    pub(crate) const PERMISSION_DENIED: i32 = 7;
    pub(crate) const FAILED_PRECONDITION: i32 = 9;
    pub(crate) const ABORTED: i32 = 10;
    pub(crate) const UNAVAILABLE: i32 = 14;
    pub(crate) const UNAUTHENTICATED: i32 = 16;
}

impl Ending {
    /// The reason code of the MQTT 5 DISCONNECT; `None` when there is nobody to tell.
    pub(crate) fn code(&self) -> Option<Code> {
        Some(match self {
            Self::Left | Self::Lost(_) | Self::Stalled(_) => return None,
            Self::Silent(_) => Code::KeepAliveTimeout,
            Self::TakenOver => Code::SessionTakenOver,
            Self::Expired(_) | Self::MaxSession(_) => Code::MaximumConnectTime,
            Self::Revoked(Refusal::Blocked) | Self::Deleted => Code::AdministrativeAction,
            Self::Revoked(_) | Self::NotBound(_) => Code::NotAuthorized,
            Self::Topic(_) => Code::TopicNameInvalid,
            Self::QosTwo => Code::QosNotSupported,
            Self::Retain => Code::RetainNotSupported,
            Self::Alias => Code::TopicAliasInvalid,
            Self::Unexpected(_) => Code::ProtocolError,
            Self::PacketTooLarge { .. } => Code::PacketTooLarge,
            Self::Malformed(_) => Code::MalformedPacket,
            Self::Publish(EventError::TooLarge { .. }) => Code::PacketTooLarge,
            Self::Publish(EventError::Subfolder(_)) => Code::TopicNameInvalid,
            Self::Publish(EventError::Attribute(_)) => Code::PayloadFormatInvalid,
            Self::Publish(EventError::NoRoute { .. }) => Code::ImplementationSpecificError,
            Self::Publish(EventError::Port(e)) if e.is_retryable() => Code::ServerBusy,
            Self::Publish(EventError::Port(_)) => Code::ImplementationSpecificError,
            Self::Shutdown => Code::ServerShuttingDown,
        })
    }

    /// What `lastErrorStatus` will say; `None` when the device did nothing wrong and nobody needs to act.
    pub(crate) fn status(&self) -> Option<ErrorStatus> {
        let code = match self {
            Self::Left | Self::Lost(_) | Self::MaxSession(_) | Self::Shutdown => return None,
            Self::Silent(_) | Self::Stalled(_) => rpc::DEADLINE_EXCEEDED,
            Self::TakenOver => rpc::ABORTED,
            Self::Expired(_) => rpc::UNAUTHENTICATED,
            Self::Revoked(refusal) => refusal_code(refusal),
            Self::Deleted => rpc::NOT_FOUND,
            Self::NotBound(_) | Self::Publish(EventError::NoRoute { .. }) => rpc::FAILED_PRECONDITION,
            Self::Publish(EventError::Port(_)) => rpc::UNAVAILABLE,
            _ => rpc::INVALID_ARGUMENT,
        };
        // Cloud IoT Core wrote its protocol in front; log filters in the field look for it.
        Some(ErrorStatus { code, message: format!("mqtt: SERVER: {self}") })
    }

    /// Whether what the device sent before may still be published and acknowledged: it did, and it is still there or
    /// left in order. Not when the connection passed to another, or lost its right, or a publish failed already.
    pub(crate) fn lets_finish(&self) -> bool {
        !matches!(
            self,
            Self::TakenOver | Self::Expired(_) | Self::Revoked(_) | Self::Deleted | Self::Publish(_) | Self::Stalled(_) | Self::Silent(_)
        )
    }

    /// The counter of this kind of end.
    pub(crate) fn counter<'c>(&self, counters: &'c Counters) -> &'c Counter {
        match self {
            Self::Left => &counters.ended_left,
            Self::Lost(_) => &counters.ended_lost,
            Self::Silent(_) => &counters.ended_silent,
            Self::TakenOver => &counters.ended_taken_over,
            Self::Expired(_) => &counters.ended_expired,
            Self::MaxSession(_) => &counters.ended_max_session,
            Self::Revoked(_) | Self::NotBound(_) | Self::Deleted => &counters.ended_revoked,
            Self::Malformed(_) | Self::PacketTooLarge { .. } => &counters.ended_malformed,
            Self::Publish(EventError::Port(_)) => &counters.ended_publish,
            Self::Stalled(_) => &counters.ended_stalled,
            Self::Shutdown => &counters.ended_shutdown,
            _ => &counters.ended_rule,
        }
    }
}

/// The `google.rpc.Code` of a refused token.
pub(crate) fn refusal_code(refusal: &Refusal) -> i32 {
    match refusal {
        Refusal::Blocked => rpc::PERMISSION_DENIED,
        Refusal::ProtocolDisabled(_) => rpc::FAILED_PRECONDITION,
        _ => rpc::UNAUTHENTICATED,
    }
}
