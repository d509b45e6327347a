//! Tokens of devices. Their key is the P-256 key that RFC 7515, appendix A.3 prints: known to everybody, so that a transcript
//! can show its public half and no secret lies in this repository.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};

const D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/// `ECPrivateKey` of RFC 5915 up to its private half, and from there to the public one.
const BEFORE_D: [u8; 7] = [0x30, 0x6B, 2, 1, 1, 4, 32];
const BEFORE_XY: [u8; 6] = [0xA1, 0x44, 3, 0x42, 0, 4];

/// What a token's signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// The device made it.
    Own,
    /// The device made it of something else.
    Forged,
}

/// A token with these claims, JSON in which `{now+5}` stands for the seconds since 1970 in five seconds.
///
/// # Errors
/// When a time is none.
pub fn token(signature: Signature, claims: &str, now: i64) -> Result<String> {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", part(r#"{"alg":"ES256","typ":"JWT"}"#), part(&timed(claims, now)?));
    let message = if signature == Signature::Own { signed.as_str() } else { "something else" };
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key()?, Algorithm::ES256)?;
    Ok(format!("{signed}.{signature}"))
}

fn timed(claims: &str, now: i64) -> Result<String> {
    let mut parts = claims.split("{now");
    let mut timed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (offset, rest) = part.split_once('}').with_context(|| format!("`{{now{part}` does not end"))?;
        let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().with_context(|| format!("`{{now{offset}}}`"))? };
        timed += &format!("{}{rest}", now + offset);
    }
    Ok(timed)
}

fn key() -> Result<EncodingKey> {
    let half = |text| URL_SAFE_NO_PAD.decode(text);
    let sec1 = [BEFORE_D.to_vec(), half(D)?, BEFORE_XY.to_vec(), half(X)?, half(Y)?].concat();
    Ok(EncodingKey::from_ec_der(&host::pkcs8_of_sec1(&sec1)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_devices_own_or_it_is_not() {
        let public = jsonwebtoken::DecodingKey::from_ec_components(X, Y).unwrap();
        let verifies = |token: &str| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &public, Algorithm::ES256).unwrap()
        };
        assert!(verifies(&token(Signature::Own, r#"{"iat":{now-5}}"#, 100).unwrap()));
        assert!(!verifies(&token(Signature::Forged, "{}", 100).unwrap()));
    }

    #[test]
    fn times_are_those_of_the_run() {
        assert_eq!(
            timed(r#"{"iat":{now-10},"exp":"{now+3600}","nbf":{now}.5}"#, 1000).unwrap(),
            r#"{"iat":990,"exp":"4600","nbf":1000.5}"#
        );
        assert!(timed("{now+x}", 0).is_err() && timed("{now", 0).is_err());
    }
}
