//! The device's private key and the tokens made with it. The key is read once and never leaves this file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use protocol::{DeviceClaims, DeviceName, pkcs8_of_sec1};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use crate::clock::CloudClock;

/// A device with its private key.
#[derive(Clone)]
pub struct Identity {
    device: DeviceName,
    key: EncodingKey,
    algorithm: Algorithm,
    token_life: Duration,
}

/// Why a private key cannot be used. No text repeats a byte of it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("private key {path} cannot be read: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no key we can sign with.
    #[error(
        "private key {path} is not usable: {problem}; make one with `drawbridge-shim keygen` (P-256 or RSA of 2048 bits and more, PEM, not encrypted)"
    )]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("device", &self.device).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads the key of `device` and signs once with it, so that a key that cannot sign is found at the start.
    /// PKCS#8, SEC1 and PKCS#1 PEM are read: what Cloud IoT Core's instructions made with openssl still works.
    ///
    /// # Errors
    /// [`KeyError`] when the file cannot be read or holds no P-256 or RSA key.
    pub fn load(device: DeviceName, path: &Path, token_life: Duration) -> Result<Self, KeyError> {
        let pem = std::fs::read(path).map_err(|source| KeyError::Read { path: path.into(), source })?;
        let refused = |problem: String| KeyError::Format { path: path.into(), problem };
        let (key, algorithm) = parse_key(&pem).map_err(refused)?;
        let identity = Self { device, key, algorithm, token_life };
        identity.sign(0).map_err(|error| KeyError::Format { path: path.into(), problem: error.to_string() })?;
        Ok(identity)
    }

    /// Whose key it is.
    #[must_use]
    pub fn device(&self) -> &DeviceName {
        &self.device
    }

    /// How the key signs: `ES256` or `RS256`.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        if self.algorithm == Algorithm::ES256 { "ES256" } else { "RS256" }
    }

    /// How long a token lives.
    #[must_use]
    pub fn token_life(&self) -> Duration {
        self.token_life
    }

    /// A token that is valid from now for the configured life, by the cloud's time.
    ///
    /// # Errors
    /// When signing fails; it worked when the key was loaded.
    pub fn token(&self, clock: &CloudClock) -> Result<String, jsonwebtoken::errors::Error> {
        self.sign(i64::try_from(clock.now_ms() / 1_000).unwrap_or(i64::MAX))
    }

    fn sign(&self, iat: i64) -> Result<String, jsonwebtoken::errors::Error> {
        let life = i64::try_from(self.token_life.as_secs()).unwrap_or(i64::MAX);
        let claims = DeviceClaims { aud: self.device.registry.project.to_string(), iat, exp: iat.saturating_add(life) };
        jsonwebtoken::encode(&Header::new(self.algorithm), &claims, &self.key)
    }
}

fn parse_key(pem: &[u8]) -> Result<(EncodingKey, Algorithm), String> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(PrivateKeyDer::Sec1(der)) => Ok((EncodingKey::from_ec_der(&pkcs8_of_sec1(der.secret_sec1_der())), Algorithm::ES256)),
        Ok(_) => EncodingKey::from_ec_pem(pem)
            .map(|key| (key, Algorithm::ES256))
            .or_else(|_| EncodingKey::from_rsa_pem(pem).map(|key| (key, Algorithm::RS256)))
            .map_err(|_| "it is neither an EC nor an RSA private key".into()),
        Err(_) => Err("it holds no PEM private key".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn device() -> DeviceName {
        "projects/p-1/locations/l/registries/reg/devices/dev-1".parse().unwrap()
    }

    fn load(pem: &str) -> Result<Identity, KeyError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, pem).unwrap();
        Identity::load(device(), &path, Duration::from_secs(3_600))
    }

    fn claims(token: &str) -> DeviceClaims {
        use base64::Engine as _;
        let part = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn the_algorithm_is_that_of_the_key() {
        let es = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(load(&es).unwrap().algorithm(), "ES256");
        let rs = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap().serialize_pem();
        assert_eq!(load(&rs).unwrap().algorithm(), "RS256");
    }

    #[test]
    fn a_sec1_key_as_openssl_ecparam_makes_it_is_read() {
        use base64::Engine as _;
        let pkcs8 = rcgen::KeyPair::generate().unwrap().serialize_der();
        // The SEC1 key is the octet string that ends a PKCS#8 one: it starts with its version, 1, and a 32-byte secret.
        let start = pkcs8.windows(5).position(|w| w[0] == 0x30 && w[2..] == [2, 1, 1]).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(&pkcs8[start..]);
        let identity = load(&format!("-----BEGIN EC PRIVATE KEY-----\n{text}\n-----END EC PRIVATE KEY-----\n")).unwrap();
        assert_eq!(identity.algorithm(), "ES256");
    }

    #[test]
    fn what_is_no_private_key_is_refused_without_repeating_it() {
        for text in ["", "secret-words", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            let refusal = load(text).unwrap_err().to_string();
            assert!(refusal.contains("is not usable") && !refusal.contains("secret-words"), "{refusal}");
        }
    }

    #[tokio::test]
    async fn a_token_is_made_with_the_corrected_time() {
        const YEAR_MS: u64 = 365 * 86_400_000;
        const NOW_MS: u64 = 1_790_000_000_000;
        let identity = load(&rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        for wrong in [NOW_MS - YEAR_MS, NOW_MS + YEAR_MS] {
            let clock = CloudClock::new(Arc::new(move || wrong));
            clock.learn(NOW_MS);
            let claims = claims(&identity.token(&clock).unwrap());
            assert!(claims.iat.abs_diff(1_790_000_000) <= 1, "{claims:?}");
            assert_eq!((claims.exp - claims.iat, claims.aud.as_str()), (3_600, "p-1"));
        }
    }
}
