//! Who is speaking. A token is nothing until a registered key has verified it: only [`UnverifiedJwt::verify`]
//! makes a [`VerifiedDevice`].
//!
//! Order of checks: size, syntax, audience, dates, then signature against every live credential. The algorithm is
//! that of the registered key; a token that names another is refused (RFC 8725, sections 3.1 and 3.2). An unknown
//! device costs one signature check too, and is answered like a wrong key: strangers do not learn which devices exist.

mod decoy;
mod refusal;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use protocol::limits::{CLOCK_SKEW, MAX_TOKEN_BYTES, MAX_TOKEN_LIFE};
use protocol::{DeviceClaims, DeviceName, ProjectId};

use crate::credential::{self, VerifyingKey};
use crate::device::{self, Device, DeviceKey};
use crate::ports::Stores;
use crate::{DomainError, Registry, Timestamp};
use decoy::decoy;
pub use refusal::Refusal;

/// A device that has proved to hold one of its keys, with what was read to find out.
#[derive(Debug, Clone)]
pub struct VerifiedDevice {
    /// The device's record.
    device: Device,
    /// `exp` of the token plus the tolerated clock difference: when a connection made with it must end.
    expires_at: Timestamp,
}

impl VerifiedDevice {
    /// Its record as of the check.
    pub fn device(&self) -> &Device {
        &self.device
    }
    /// Registry and id.
    pub fn key(&self) -> &DeviceKey {
        &self.device.key
    }
    /// When what the token opened must close: `exp` + [`CLOCK_SKEW`].
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// A token that has been read, not believed.
#[derive(Debug)]
pub struct UnverifiedJwt<'a> {
    algorithm: Algorithm,
    signed: &'a str,
    signature: Vec<u8>,
    claims: DeviceClaims,
}

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

fn read_part<T: serde::de::DeserializeOwned>(what: &str, part: &str) -> Result<T, Refusal> {
    // Padding is tolerated: Cloud IoT Core did, and devices in the field send it.
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|e| Refusal::Malformed(format!("{what}: {e}")))?;
    serde_json::from_slice(&bytes).map_err(|e| Refusal::Malformed(format!("{what}: {e}")))
}

impl<'a> UnverifiedJwt<'a> {
    /// Reads a token of at most 8 KiB. No key is touched.
    pub fn parse(token: &'a str) -> Result<Self, Refusal> {
        if token.is_empty() {
            return Err(Refusal::Malformed("it is empty; send the JWT as the MQTT password or as `authorization: Bearer`".into()));
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::Malformed(format!("{} bytes exceed the limit of {MAX_TOKEN_BYTES}", token.len())));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::Malformed("expected three parts separated by dots".into()));
        };
        let read: Header = read_part("header", header)?;
        if read.crit.is_some() {
            return Err(Refusal::Malformed("header names critical extensions (crit), none is supported".into()));
        }
        let algorithm = match read.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "ES256" => Algorithm::ES256,
            other => return Err(Refusal::Algorithm(other.chars().take(16).flat_map(char::escape_debug).collect())),
        };
        let claims = read_part("claims", claims)?;
        // What was signed is the text as sent, padding included.
        let signed = &token[..token.len() - signature.len() - 1];
        // What is no base64url is no signature either, and is refused like one that is wrong.
        let signature = URL_SAFE_NO_PAD.decode(signature.trim_end_matches('=')).unwrap_or_default();
        Ok(Self { algorithm, signed, signature, claims })
    }

    /// Checks audience and dates against `project` and `now`.
    fn check_claims(&self, project: &ProjectId, now: Timestamp) -> Result<(), Refusal> {
        let DeviceClaims { aud, iat, exp } = &self.claims;
        if aud != project.as_str() {
            return Err(Refusal::Audience { aud: aud.chars().take(64).flat_map(char::escape_debug).collect(), project: project.clone() });
        }
        let (iat, exp) = (Timestamp::from_secs(*iat), Timestamp::from_secs(*exp));
        if now >= exp + CLOCK_SKEW {
            return Err(Refusal::Expired { exp, now });
        }
        if iat > now + CLOCK_SKEW {
            return Err(Refusal::NotYetValid { iat, now });
        }
        if exp < iat || exp > iat + MAX_TOKEN_LIFE + CLOCK_SKEW {
            return Err(Refusal::Lifetime { life_secs: exp.secs().saturating_sub(iat.secs()), now });
        }
        Ok(())
    }

    fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        // The algorithm is the key's; the header's was only compared with it.
        key.verifies(self.signed.as_bytes(), &self.signature)
    }

    /// Whether a live credential of `device` made the signature. Always costs a check: without a credential of the
    /// token's algorithm, that of a decoy.
    fn is_signed_by_one_of(&self, device: Option<&Device>, now: Timestamp) -> bool {
        let credentials = device.map_or(&[][..], |d| &d.credentials);
        let live = credentials.iter().filter(|c| c.is_live(now) && c.key.format.algorithm() == self.algorithm);
        let mut keys = live.filter_map(|c| credential::ready(&c.key)).peekable();
        if keys.peek().is_none() {
            let _same_work = decoy(self.algorithm).is_some_and(|key| self.is_signed_by(key));
            return false;
        }
        keys.any(|key| self.is_signed_by(&key))
    }

    /// Proves the token against every live credential of `device`; the only way to a [`VerifiedDevice`].
    /// `None` stands for a device that does not exist and costs as much.
    pub fn verify(&self, project: &ProjectId, device: Option<Device>, now: Timestamp) -> Result<VerifiedDevice, Refusal> {
        self.check_claims(project, now)?;
        let is_signed = self.is_signed_by_one_of(device.as_ref(), now);
        let device = device.filter(|_| is_signed).ok_or(Refusal::UnknownDeviceOrKey)?;
        if device.blocked {
            return Err(Refusal::Blocked);
        }
        let expires_at = Timestamp::from_secs(self.claims.exp) + CLOCK_SKEW;
        Ok(VerifiedDevice { device, expires_at })
    }
}

/// How a device reaches us; a registry may disable either bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The MQTT bridge.
    Mqtt,
    /// The HTTP bridge.
    Http,
    /// The token service, which no switch of a registry closes: `httpConfig` is about the bridge alone.
    Tokens,
    /// Files, which have rules of their own and no switch.
    Objects,
}

impl Protocol {
    /// Whether a registry takes it.
    pub fn check(self, registry: &Registry) -> Result<(), Refusal> {
        match self {
            Self::Mqtt if !registry.mqtt_enabled => Err(Refusal::ProtocolDisabled("MQTT")),
            Self::Http if !registry.http_enabled => Err(Refusal::ProtocolDisabled("HTTP")),
            _ => Ok(()),
        }
    }
}

/// Lets a device in: finds it, verifies its token, checks that its registry takes the protocol.
/// Three reads at most. [`DomainError::Refused`] when it is not let in.
pub async fn authenticate(
    stores: &Stores,
    name: &DeviceName,
    token: &str,
    protocol: Protocol,
    now: Timestamp,
) -> Result<(VerifiedDevice, Registry), DomainError> {
    let verified = prove(stores, name, token, now).await?;
    let registry = stores.registries.get(&name.registry.to_string()).await?.ok_or(Refusal::UnknownDeviceOrKey)?.value;
    protocol.check(&registry)?;
    Ok((verified, registry))
}

/// The part of [`authenticate`] that is about the device alone. Two reads at most.
pub async fn prove(stores: &Stores, name: &DeviceName, token: &str, now: Timestamp) -> Result<VerifiedDevice, DomainError> {
    let token = UnverifiedJwt::parse(token)?;
    let device = device::find(stores, name).await?.map(|d| d.value);
    Ok(token.verify(&name.registry.project, device, now)?)
}
