//! Devices, their keys and tokens, and the bare signature check of those tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use domain::{PublicKey, PublicKeyFormat};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};

use crate::watch::Watch;

/// Devices, each with a key of its own.
pub(crate) const DEVICES: u64 = 64;
pub(crate) const PROJECT: &str = "bench";

pub(crate) struct Fleet {
    pub(crate) algorithm: Algorithm,
    pub(crate) members: Vec<Member>,
}

pub(crate) struct Member {
    pub(crate) public: PublicKey,
    pub(crate) token: String,
    ready: DecodingKey,
}

impl Fleet {
    pub(crate) fn new(algorithm: Algorithm) -> Result<Self> {
        let members = (0..DEVICES).map(|_| Member::new(algorithm)).collect::<Result<_>>()?;
        Ok(Self { algorithm, members })
    }

    /// Checks one signature of each device; how long that took.
    pub(crate) fn verify(&self) -> Result<Duration> {
        let watch = Watch::start()?;
        for member in &self.members {
            let (signed, signature) = member.token.rsplit_once('.').unwrap_or_default();
            ensure!(jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &member.ready, self.algorithm)?, "a signature is not good");
        }
        watch.stop()
    }
}

impl Member {
    fn new(algorithm: Algorithm) -> Result<Self> {
        let is_rsa = algorithm == Algorithm::RS256;
        let pair = KeyPair::generate_for(if is_rsa { &PKCS_RSA_SHA256 } else { &PKCS_ECDSA_P256_SHA256 })?;
        let pem = pair.public_key_pem();
        let format = if is_rsa { PublicKeyFormat::RsaPem } else { PublicKeyFormat::Es256Pem };
        let private = pair.serialize_pem();
        let signing = if is_rsa { EncodingKey::from_rsa_pem(private.as_bytes()) } else { EncodingKey::from_ec_pem(private.as_bytes()) }?;
        let ready = if is_rsa { DecodingKey::from_rsa_pem(pem.as_bytes()) } else { DecodingKey::from_ec_pem(pem.as_bytes()) }?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = serde_json::json!({"aud": PROJECT, "iat": now, "exp": now + 12 * 3600});
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &signing)?;
        Ok(Self { public: PublicKey { format, pem }, token, ready })
    }
}
