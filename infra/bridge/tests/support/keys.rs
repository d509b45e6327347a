//! Keys of devices and the tokens they sign.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::{PublicKey, PublicKeyFormat};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use serde_json::{Value, json};

pub struct Key {
    pub pair: KeyPair,
    algorithm: Algorithm,
}

pub fn now_secs() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

impl Key {
    pub fn ec() -> Self {
        Self { pair: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(), algorithm: Algorithm::ES256 }
    }

    pub fn rsa() -> Self {
        Self { pair: KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap(), algorithm: Algorithm::RS256 }
    }

    pub fn raw(&self) -> PublicKey {
        let format = if self.algorithm == Algorithm::ES256 { PublicKeyFormat::Es256Pem } else { PublicKeyFormat::RsaPem };
        PublicKey { format, pem: self.pair.public_key_pem() }
    }

    pub fn x509(&self) -> PublicKey {
        let format = if self.algorithm == Algorithm::ES256 { PublicKeyFormat::Es256X509Pem } else { PublicKeyFormat::RsaX509Pem };
        PublicKey { format, pem: CertificateParams::default().self_signed(&self.pair).unwrap().pem() }
    }

    pub fn sign(&self, claims: &Value) -> String {
        let key = match self.algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&self.pair.serialize_der()),
            _ => EncodingKey::from_rsa_pem(self.pair.serialize_pem().as_bytes()).unwrap(),
        };
        jsonwebtoken::encode(&Header::new(self.algorithm), claims, &key).unwrap()
    }

    /// A token for the project of the tests, good for an hour.
    pub fn token(&self) -> String {
        self.sign(&json!({"aud": "proj", "iat": now_secs(), "exp": now_secs() + 3600}))
    }
}
