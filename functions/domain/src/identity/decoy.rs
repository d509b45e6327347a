//! What a device that does not exist costs: the same as one that does.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;

use crate::credential::VerifyingKey;

/// A key nobody registered, to spend on unknown devices what a known one costs.
pub(super) fn decoy(algorithm: Algorithm) -> Option<&'static VerifyingKey> {
    static RSA: LazyLock<Option<VerifyingKey>> = LazyLock::new(|| VerifyingKey::of(Algorithm::RS256, &rsa_modulus()));
    static EC: LazyLock<Option<VerifyingKey>> = LazyLock::new(|| VerifyingKey::of(Algorithm::ES256, &generator()?));
    if algorithm == Algorithm::RS256 { RSA.as_ref() } else { EC.as_ref() }
}

/// A PKCS#1 `RSAPublicKey` of 2048 bits and the exponent 65537: a public number, no private key of ours.
fn rsa_modulus() -> Vec<u8> {
    // SEQUENCE { INTEGER of 257 bytes, INTEGER of 3 bytes }.
    [&[0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00][..], &[0xC5; 256], &[0x02, 0x03, 0x01, 0x00, 0x01]].concat()
}

/// The generator of P-256, uncompressed (SEC 2, section 2.4.2).
fn generator() -> Option<Vec<u8>> {
    const XY: [&str; 2] = ["axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"];
    let [x, y] = XY.map(|text| URL_SAFE_NO_PAD.decode(text).ok());
    Some([&[0x04][..], &x?, &y?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_decoy_of_each_algorithm_and_it_verifies_nothing() {
        for algorithm in [Algorithm::RS256, Algorithm::ES256] {
            assert!(!decoy(algorithm).unwrap().verifies(b"message", &[1; 64]));
        }
    }
}
