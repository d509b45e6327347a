//! Device credentials: which public keys are taken, and what they verify.
//!
//! Rules: RSA of at least 2048 bits or NIST P-256, raw or in an X.509 certificate (Google, "Verifying device
//! credentials"). The algorithm of a signature is the one of the registered key, never the one a token names
//! (RFC 8725, section 3.1).

mod keys;

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey as Spki;

use crate::{DomainError, Timestamp};

pub(crate) use self::keys::ready;
pub use self::keys::{KeyCounters, MAX_KEYS, VerifyingKey, counters as key_counters};

/// How a public key is written. Numbers are the API's (`PublicKeyFormat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PublicKeyFormat {
    /// An RSA key in an X.509 certificate; verifies RS256.
    RsaX509Pem,
    /// A P-256 key, raw; verifies ES256.
    Es256Pem,
    /// An RSA key, raw; verifies RS256.
    RsaPem,
    /// A P-256 key in an X.509 certificate; verifies ES256.
    Es256X509Pem,
}

impl PublicKeyFormat {
    fn is_rsa(self) -> bool {
        matches!(self, Self::RsaX509Pem | Self::RsaPem)
    }
    fn is_certificate(self) -> bool {
        matches!(self, Self::RsaX509Pem | Self::Es256X509Pem)
    }
    /// The API's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaX509Pem => "RSA_X509_PEM",
            Self::Es256Pem => "ES256_PEM",
            Self::RsaPem => "RSA_PEM",
            Self::Es256X509Pem => "ES256_X509_PEM",
        }
    }
    /// The one signature algorithm that a key of this format verifies.
    pub fn algorithm(self) -> Algorithm {
        if self.is_rsa() { Algorithm::RS256 } else { Algorithm::ES256 }
    }
}

/// A public key as registered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublicKey {
    /// How it is written.
    pub format: PublicKeyFormat,
    /// The PEM text.
    pub pem: String,
}

/// One of a device's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCredential {
    /// The key.
    pub key: PublicKey,
    /// From when on it is ignored; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// What is said of a text in which there is no PEM block: what the parser calls it helps nobody.
pub(crate) const NO_PEM: &str = "it is not PEM, which is base64 between a `-----BEGIN …-----` line and an `-----END …-----` line";

fn refused(why: impl std::fmt::Display) -> DomainError {
    DomainError::invalid("credentials.public_key", format!("the public key cannot be used: {why}"))
}

impl PublicKey {
    /// The key ready for verifying. Errors name what is wrong with the PEM.
    pub fn verifying_key(&self) -> Result<VerifyingKey, DomainError> {
        let pem = self.pem.as_bytes();
        let read = if self.format.is_rsa() { DecodingKey::from_rsa_pem(pem) } else { DecodingKey::from_ec_pem(pem) };
        let read = read.map_err(|_| self.no_such_key())?;
        let key = VerifyingKey::of(self.format.algorithm(), read.try_get_as_bytes().map_err(|_| self.no_such_key())?);
        key.ok_or_else(|| refused("RSA of 2048 to 8192 bits or a point of P-256 is needed"))
    }

    /// Checks key type, strength and, for certificates, validity at `now` and the signature of a registry CA.
    pub fn validate(&self, ca_certificates: &[String], now: Timestamp) -> Result<(), DomainError> {
        let (_, pem) = parse_x509_pem(self.pem.as_bytes()).map_err(|_| refused(NO_PEM))?;
        if !self.format.is_certificate() {
            if !ca_certificates.is_empty() {
                return Err(refused(
                    "the registry has CA certificates, so a device credential must be a certificate signed by one of them",
                ));
            }
            if pem.label != "PUBLIC KEY" {
                return Err(refused(format!("expected a `PUBLIC KEY` PEM block, found `{}`", pem.label)));
            }
            let (_, spki) = SubjectPublicKeyInfo::from_der(&pem.contents).map_err(|_| self.no_such_key())?;
            self.check_strength(&spki)?;
            return self.verifying_key().map(drop);
        }
        let certificate = pem.parse_x509().map_err(|_| refused(not_a_certificate(&pem)))?;
        self.check_strength(certificate.public_key())?;
        self.verifying_key()?;
        let until = certificate.validity().not_after.timestamp();
        if until <= now.secs() {
            return Err(refused(format!("the certificate expired at {}, it is {now}", Timestamp::from_secs(until))));
        }
        signed_by_one(&certificate, ca_certificates)
    }

    fn check_strength(&self, spki: &SubjectPublicKeyInfo<'_>) -> Result<(), DomainError> {
        match (spki.parsed().map_err(|_| self.no_such_key())?, self.format.is_rsa()) {
            (Spki::RSA(key), true) if key.key_size() >= 2048 => Ok(()),
            (Spki::RSA(key), true) => Err(refused(format!("RSA of {} bits, at least 2048 are needed", key.key_size()))),
            (Spki::EC(point), false) if point.key_size() == 256 => Ok(()),
            (Spki::EC(point), false) => Err(refused(format!("an elliptic curve of {} bits, P-256 is needed", point.key_size()))),
            (_, _) => Err(refused(format!("its type does not fit the format {}", self.format.name()))),
        }
    }

    fn no_such_key(&self) -> DomainError {
        refused(format!("its PEM block holds no key of the format {}", self.format.name()))
    }
}

/// What is said of a PEM block that should be a certificate and is none.
pub(crate) fn not_a_certificate(pem: &Pem) -> String {
    let label: String = pem.label.chars().take(64).flat_map(char::escape_debug).collect();
    format!("its PEM block, labelled `{label}`, is not an X.509 certificate")
}

/// A device certificate must be signed directly by one of the registry's CA certificates, and be none of them.
fn signed_by_one(certificate: &X509Certificate<'_>, ca_certificates: &[String]) -> Result<(), DomainError> {
    if ca_certificates.is_empty() {
        return Ok(());
    }
    for ca in ca_certificates {
        let unreadable = || refused("a CA certificate of the registry cannot be read");
        let (_, pem) = parse_x509_pem(ca.as_bytes()).map_err(|_| unreadable())?;
        let ca = pem.parse_x509().map_err(|_| unreadable())?;
        if ca.as_raw() == certificate.as_raw() {
            return Err(refused("a device's certificate cannot be the CA certificate itself"));
        }
        if certificate.verify_signature(Some(ca.public_key())).is_ok() {
            return Ok(());
        }
    }
    Err(refused(format!("the certificate is not signed by any of the registry's {} CA certificates", ca_certificates.len())))
}

impl DeviceCredential {
    /// Whether it still counts at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|until| now < until)
    }
}
