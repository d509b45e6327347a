//! Why somebody is not let in.

use protocol::ProjectId;
use protocol::limits::{CLOCK_SKEW, MAX_TOKEN_LIFE};

use crate::Timestamp;

/// Why a token was refused. The text is for its owner: it names the claim, both values and the server's time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a JWT at all, or one we do not read.
    #[error("the token is not a device JWT: {0}")]
    Malformed(String),
    /// `alg` is none of those a key can be registered for.
    #[error("token algorithm `{0}` is not allowed: use RS256 or ES256")]
    Algorithm(String),
    /// `aud` names another project.
    #[error("token audience `{aud}` does not match project `{project}`")]
    Audience {
        /// The claim, cut at 64 characters.
        aud: String,
        /// The project of the device.
        project: ProjectId,
    },
    /// `exp` is too long ago.
    #[error("token expired at {exp}, {} ago by the server's time {now} (clock difference tolerated: {} minutes)", age(now.since(*exp)), CLOCK_SKEW.as_secs() / 60)]
    Expired {
        /// The claim.
        exp: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// `iat` lies too far ahead: the device's clock is fast.
    #[error("token is issued at {iat}, {} ahead of the server's time {now}: set the device's clock (tolerated: {} minutes)", age(iat.since(*now)), CLOCK_SKEW.as_secs() / 60)]
    NotYetValid {
        /// The claim.
        iat: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// `exp - iat` is too long, or negative.
    #[error("token life of {life_secs} s (exp - iat) is outside 0 to {} s, the server's time is {now}", MAX_TOKEN_LIFE.as_secs())]
    Lifetime {
        /// `exp - iat`.
        life_secs: i64,
        /// The server's time.
        now: Timestamp,
    },
    /// No such device, or none of its live keys made the signature.
    #[error("unknown device, or no unexpired key of the device verifies the token's signature")]
    UnknownDeviceOrKey,
    /// The device is blocked. Said only to who holds its key.
    #[error("the device is blocked")]
    Blocked,
    /// The registry does not take this protocol. Said only to who holds a key.
    #[error("{0} is disabled for this registry")]
    ProtocolDisabled(&'static str),
    /// No access token that was given to this device.
    #[error("the token is neither a JWT nor an access token that was given to this device for objects; ask the token service for one")]
    UnknownAccessToken,
    /// An access token that was.
    #[error("the access token expired at {at}, the server's time is {now}")]
    AccessTokenExpired {
        /// When it did.
        at: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
}

fn age(d: std::time::Duration) -> String {
    match d.as_secs() {
        s @ 0..120 => format!("{s} seconds"),
        s @ 120..7200 => format!("{} minutes", s / 60),
        s => format!("{} hours", s / 3600),
    }
}
