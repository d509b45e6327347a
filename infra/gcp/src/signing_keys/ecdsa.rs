//! P-256 keys in PEM, as Google's services hold them.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::p256;
use domain::token::PublicJwk;

/// The JWK of a public key in PEM.
pub(super) fn jwk_of_pem(pem: &str) -> Result<PublicJwk, String> {
    Ok(p256::jwk_of_spki(&der(pem, "PUBLIC KEY")?)?)
}

/// A private key in PKCS#8 PEM, and the JWK of its public half. Errors repeat nothing of the text.
pub(super) fn pair_of_pem(pem: &str) -> Result<(EcdsaKeyPair, PublicJwk), String> {
    let der = der(pem, "PRIVATE KEY")?;
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(|e| format!("the private key is not of P-256: {e}"))?;
    let public = p256::jwk_of_point(pair.public_key().as_ref())?;
    Ok((pair, public))
}

fn der(pem: &str, label: &str) -> Result<Vec<u8>, String> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let body = pem
        .trim()
        .strip_prefix(&begin)
        .and_then(|rest| rest.strip_suffix(&end))
        .ok_or_else(|| format!("expected one `{label}` PEM block"))?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_err(|_| format!("the `{label}` PEM block is damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_another_kind_are_refused_without_repeating_them() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let (_, of_private) = pair_of_pem(&pair.serialize_pem()).unwrap();
        assert_eq!(jwk_of_pem(&pair.public_key_pem()).unwrap(), of_private);
        let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        assert!(jwk_of_pem(&other.public_key_pem()).is_err() && pair_of_pem(&other.serialize_pem()).is_err());
        assert!(!pair_of_pem("-----BEGIN PRIVATE KEY-----\nsecret!\n-----END PRIVATE KEY-----").unwrap_err().contains("secret"));
    }
}
