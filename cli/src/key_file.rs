//! Public keys and certificates from files.

use std::fs;
use std::path::Path;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use crate::error::usage;
use crate::pairs::Pairs;

/// gcloud's names of key types. `es256` and `rs256` fit a key and a certificate: the file says which it is.
pub(crate) const TYPES: [&str; 6] = ["es256", "rs256", "es256-pem", "es256-x509-pem", "rsa-pem", "rsa-x509-pem"];

/// Reads one of [`TYPES`].
pub(crate) fn type_parser() -> PossibleValuesParser {
    PossibleValuesParser::new(TYPES)
}

/// `path=PATH,type=TYPE[,expiration-time=TIME]`.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey(Pairs);

impl std::str::FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pairs = Pairs::of(text, &["path", "type", "expiration-time"])?;
        pairs.get("path").ok_or("it needs path=PATH, the file of a public key or certificate")?;
        match pairs.get("type") {
            Some(kind) if TYPES.contains(&kind) => Ok(Self(pairs)),
            given => Err(format!("type={} is none of {}", given.unwrap_or_default(), TYPES.join(", "))),
        }
    }
}

impl PublicKey {
    pub(crate) fn credential(&self) -> Result<Value> {
        let given = |key| self.0.get(key).unwrap_or_default();
        device_credential(Path::new(given("path")), given("type"), self.0.get("expiration-time"))
    }
}

/// A device credential as the API takes it.
pub(crate) fn device_credential(path: &Path, kind: &str, expiration_time: Option<&str>) -> Result<Value> {
    let pem = read_public(path)?;
    let is_certificate = pem.contains("BEGIN CERTIFICATE");
    let format = match kind {
        "es256" if is_certificate => "ES256_X509_PEM",
        "es256" => "ES256_PEM",
        "rs256" if is_certificate => "RSA_X509_PEM",
        "rs256" => "RSA_PEM",
        other => &other.replace('-', "_").to_uppercase(),
    };
    let mut credential = json!({ "publicKey": { "format": format, "key": pem } });
    if let Some(time) = expiration_time {
        // A day alone is its beginning.
        let time = if time.contains('T') { time.to_owned() } else { format!("{time}T00:00:00Z") };
        credential["expirationTime"] = time.into();
    }
    Ok(credential)
}

/// A CA certificate as the API takes it.
pub(crate) fn registry_credential(path: &Path) -> Result<Value> {
    Ok(json!({ "publicKeyCertificate": { "format": "X509_CERTIFICATE_PEM", "certificate": read_public(path)? } }))
}

/// A private key stays where it was made: it is refused here, before anything is sent.
fn read_public(path: &Path) -> Result<String> {
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|e| usage(format!("key file {shown}: {e}")))?;
    if text.contains("PRIVATE KEY") {
        return Err(usage(format!(
            "{shown} holds a private key, which must not leave its device. Its public half: openssl pkey -in {shown} -pubout"
        )));
    }
    if !text.contains("-----BEGIN ") {
        return Err(usage(format!("{shown} is not PEM: it needs -----BEGIN PUBLIC KEY----- or -----BEGIN CERTIFICATE-----")));
    }
    Ok(text)
}
