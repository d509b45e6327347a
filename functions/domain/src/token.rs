//! Tokens of the cloud for a device: what is asked for, what is answered, and the keys that vouch for the device.

mod scope;
mod secret;
mod service_account;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
pub use scope::{MAX_SCOPE_BYTES, MAX_SCOPE_PARTS, Scope, ScopeError};
pub use secret::Secret;
pub use service_account::{MAX_SERVICE_ACCOUNTS, ServiceAccount, check_accounts};

/// An access token and how long it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The bearer token.
    pub secret: Secret,
    /// When it stops to count, by our clock.
    pub expires_at: Timestamp,
}

/// How an issuer answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issued {
    /// The token.
    Token(AccessToken),
    /// It will not, and asking again changes nothing (400, 401, 403, 404).
    Refused {
        /// The OAuth error code or `google.rpc` status it gave: `invalid_scope`, `unauthorized_client`, `PERMISSION_DENIED`.
        code: String,
        /// Its words, without any token.
        why: String,
    },
    /// It has too much to do; ask again after this long.
    Busy {
        /// As the issuer said, or our guess.
        retry_after: Duration,
    },
}

/// A public P-256 key as it stands in a JWK set (RFC 7517, section 4; RFC 7518, section 6.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    /// `EC`.
    pub kty: String,
    /// `P-256`.
    pub crv: String,
    /// First coordinate, base64url.
    pub x: String,
    /// Second coordinate, base64url.
    pub y: String,
    /// Names the key in the header of a token.
    pub kid: String,
    /// `ES256`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let token = AccessToken { secret: Secret::new("ya29.x"), expires_at: Timestamp::from_secs(0) };
        assert!(!format!("{token:?}").contains("ya29"));
    }
}
