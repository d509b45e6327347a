//! Tokens of the cloud for a device: what is asked for, what is answered, and the keys that vouch for the device.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DomainError, Timestamp};

/// Longest scope of one request, in bytes, all its parts together.
pub const MAX_SCOPE_BYTES: usize = 2_048;
/// Service accounts of one registry or device: as many as it has routes.
pub const MAX_SERVICE_ACCOUNTS: usize = 10;
/// Most parts of one scope.
pub const MAX_SCOPE_PARTS: usize = 20;

/// A text that opens something. Prints its length alone (invariant 7).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The text itself, for whoever sends or checks it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// An access token and how long it opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// The bearer token.
    pub secret: Secret,
    /// When it stops to count, by our clock.
    pub expires_at: Timestamp,
}

/// What a token is for: one or more scope tokens (RFC 6749, section 3.3), each once, in order of the alphabet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(String);

impl Scope {
    /// The parts, separated by one space.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The parts.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a scope was refused; the text names the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;
    fn from_str(s: &str) -> Result<Self, ScopeError> {
        if s.len() > MAX_SCOPE_BYTES {
            return Err(ScopeError(format!("a scope of {} bytes exceeds the limit of {MAX_SCOPE_BYTES}", s.len())));
        }
        let mut parts: Vec<_> = s.split_ascii_whitespace().collect();
        parts.sort_unstable();
        parts.dedup();
        let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if let Some(bad) = parts.iter().find(|p| !p.bytes().all(legal)) {
            let shown: String = bad.chars().take(64).flat_map(char::escape_debug).collect();
            return Err(ScopeError(format!("scope `{shown}` has characters that no scope has (RFC 6749, section 3.3)")));
        }
        match parts.len() {
            0 => Err(ScopeError("no scope was given: name one, such as `https://www.googleapis.com/auth/pubsub`".into())),
            1..=MAX_SCOPE_PARTS => Ok(Self(parts.join(" "))),
            n => Err(ScopeError(format!("{n} scopes exceed the limit of {MAX_SCOPE_PARTS}"))),
        }
    }
}

/// The e-mail address of a service account: `name@project.iam.gserviceaccount.com` and its kin.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceAccount(String);

impl ServiceAccount {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServiceAccount {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let legal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        match s.split_once('@') {
            Some((name, domain)) if s.len() <= 254 && legal(name) && legal(domain) && domain.contains('.') => Ok(Self(s.to_owned())),
            _ => {
                let shown: String = s.chars().take(64).flat_map(char::escape_debug).collect();
                Err(format!("`{shown}` is not a service account: expected an address such as `name@project.iam.gserviceaccount.com`"))
            }
        }
    }
}

impl TryFrom<String> for ServiceAccount {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ServiceAccount> for String {
    fn from(account: ServiceAccount) -> Self {
        account.0
    }
}

/// Checks the list of a registry or device: at most [`MAX_SERVICE_ACCOUNTS`].
pub fn check_accounts(accounts: &[ServiceAccount]) -> Result<(), DomainError> {
    match accounts.len() {
        0..=MAX_SERVICE_ACCOUNTS => Ok(()),
        n => {
            let text = format!("{n} service accounts exceed the limit of {MAX_SERVICE_ACCOUNTS}");
            Err(DomainError::invalid("service_accounts", text))
        }
    }
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
    fn a_scope_is_the_same_in_any_order() {
        let scope: Scope = " b  a\tb ".parse().unwrap();
        assert_eq!(scope.as_str(), "a b");
        assert_eq!(scope.parts().count(), 2);
    }

    #[test]
    fn scopes_have_limits() {
        let refused = |s: &str| s.parse::<Scope>().unwrap_err().to_string();
        assert!(refused(" ").contains("no scope"));
        assert!(refused("a\"b").contains("`a\\\"b`"));
        assert!(refused(&"x".repeat(2049)).contains("2049 bytes"));
        let many: Vec<_> = (0..21).map(|i| format!("s{i}")).collect();
        assert!(refused(&many.join(" ")).contains("21 scopes"));
    }

    #[test]
    fn a_service_account_is_an_address_that_no_path_can_hide_in() {
        assert!("n@p.iam.gserviceaccount.com".parse::<ServiceAccount>().is_ok());
        for bad in ["", "n", "n@", "@p.com", "n@p", "n/../x@p.com", "n@p.com:generateAccessToken", "a@b@c.d", "n@p.com?x"] {
            assert!(bad.parse::<ServiceAccount>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_device_may_act_as_whom_its_own_list_names_or_without_one_its_registrys() {
        let (fleet, own): (ServiceAccount, ServiceAccount) = ("fleet@p.x.com".parse().unwrap(), "own@p.x.com".parse().unwrap());
        let registry = |name: &str| -> crate::Registry {
            let name: protocol::RegistryName = format!("projects/p/locations/l/registries/{name}").parse().unwrap();
            serde_json::from_value(serde_json::json!({
                "name": name, "routes": [], "state_topic": null, "mqtt_enabled": true, "http_enabled": true, "log_level": "None",
                "ca_certificates": [], "service_accounts": ["fleet@p.x.com"],
            }))
            .unwrap()
        };
        let device = |accounts: &[&ServiceAccount]| -> crate::Device {
            let key = crate::DeviceKey { registry: registry("reg").name, id: "dev".parse().unwrap() };
            serde_json::from_value(serde_json::json!({
                "key": key, "num_id": 1, "credentials": [], "blocked": false, "metadata": {}, "log_level": "None",
                "gateway": crate::device::GatewaySettings::default(), "service_accounts": accounts,
            }))
            .unwrap()
        };
        let may = |device: crate::Device, in_registry: &str| {
            let registry = registry(in_registry);
            (device.may_act_as(&fleet, &registry), device.may_act_as(&own, &registry))
        };
        assert_eq!(may(device(&[]), "reg"), (true, false));
        assert_eq!(may(device(&[&own]), "reg"), (false, true));
        assert_eq!(may(device(&[&own]), "other"), (false, false), "a registry that is not its own");
    }

    #[test]
    fn a_secret_does_not_print() {
        let token = AccessToken { secret: Secret::new("ya29.x"), expires_at: Timestamp::from_secs(0) };
        assert!(!format!("{token:?}").contains("ya29"));
    }
}
