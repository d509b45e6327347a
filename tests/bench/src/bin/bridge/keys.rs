//! One key and one token for all devices, and a certificate for both servers.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertifiedKey, KeyPair, PKCS_ECDSA_P256_SHA256};

/// Files in a folder of their own, removed at the end.
pub(crate) struct Keys {
    dir: tempfile::TempDir,
    /// A token that every device of the bridge under test shows.
    pub(crate) token: String,
}

impl Keys {
    pub(crate) fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let device = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        std::fs::write(dir.path().join("device.pem"), device.public_key_pem())?;
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec!["localhost".into()])?;
        std::fs::write(dir.path().join("server.crt"), cert.pem())?;
        std::fs::write(dir.path().join("server.key"), signing_key.serialize_pem())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = serde_json::json!({"aud": "bench", "iat": now, "exp": now + 12 * 3600});
        let key = EncodingKey::from_ec_der(&device.serialize_der());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key)?;
        Ok(Self { dir, token })
    }

    /// The file of that name.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
