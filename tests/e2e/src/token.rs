//! Device tokens, made by another library call than the shim's.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

/// A token for a device of `project`, signed by the ES256 key in `key`, valid from now for `life`.
///
/// # Errors
/// When the key cannot be read.
pub fn device_token(key: &Path, project: &str, life: Duration) -> Result<String> {
    let pem = fs::read(key).with_context(|| format!("reading {}", key.display()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({ "iat": now, "exp": now + life.as_secs(), "aud": project });
    Ok(encode(&Header::new(Algorithm::ES256), &claims, &EncodingKey::from_ec_pem(&pem)?)?)
}
