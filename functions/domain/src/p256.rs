//! P-256 keys and signatures between the forms of the clouds' key services and those of JOSE.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::token::PublicJwk;

/// What stands before the point in the `SubjectPublicKeyInfo` of an uncompressed P-256 key (RFC 5480, section 2).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01,
    0x07, 0x03, 0x42, 0x00,
];
/// Bytes of a coordinate, and of each half of a signature.
const FIELD: usize = 32;

/// The JWK of a public key, a DER `SubjectPublicKeyInfo`. The error says what it is not.
pub fn jwk_of_spki(der: &[u8]) -> Result<PublicJwk, &'static str> {
    jwk_of_point(der.strip_prefix(&SPKI_PREFIX[..]).ok_or("the public key is not of P-256")?)
}

/// The JWK of an uncompressed point: 0x04, x, y. `kid` is the thumbprint (RFC 7638): the members in order of the alphabet,
/// without spaces, hashed.
pub fn jwk_of_point(point: &[u8]) -> Result<PublicJwk, &'static str> {
    let xy = point.strip_prefix(&[0x04]).filter(|xy| xy.len() == 2 * FIELD).ok_or("the public key is no uncompressed point of P-256")?;
    let [x, y] = [&xy[..FIELD], &xy[FIELD..]].map(|half| URL_SAFE_NO_PAD.encode(half));
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
    let [kty, crv, alg, usage] = ["EC", "P-256", "ES256", "sig"].map(String::from);
    Ok(PublicJwk { kty, crv, x, y, kid, alg, usage })
}

/// A DER `ECDSA-Sig-Value` (RFC 3279, section 2.2.3) as `r` and `s` of 32 bytes each (RFC 7518, section 3.4).
pub fn fixed_of_der(der: &[u8]) -> Option<Vec<u8>> {
    let [0x30, len, rest @ ..] = der else { return None };
    if usize::from(*len) != rest.len() {
        return None;
    }
    let (r, rest) = integer(rest)?;
    let (s, rest) = integer(rest)?;
    rest.is_empty().then(|| [r, s].concat())
}

/// A positive INTEGER of at most 32 bytes, padded to 32, and what follows it.
fn integer(der: &[u8]) -> Option<([u8; FIELD], &[u8])> {
    let [0x02, len, rest @ ..] = der else { return None };
    let (value, rest) = rest.split_at_checked(usize::from(*len))?;
    let magnitude = match value {
        [0x00, next @ ..] if next.first().is_some_and(|b| b & 0x80 != 0) => next,
        // Neither half of a signature is zero, and DER has no leading zeros else.
        [1..=0x7f, ..] => value,
        _ => return None,
    };
    let mut padded = [0; FIELD];
    padded.get_mut(FIELD.checked_sub(magnitude.len())?..)?.copy_from_slice(magnitude);
    Some((padded, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey};

    #[test]
    fn five_hundred_signatures_verify_in_the_other_form() {
        let rng = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref()).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref().to_vec());
        for n in 0..500_u16 {
            let der = pair.sign(&rng, &n.to_be_bytes()).unwrap();
            let fixed = fixed_of_der(der.as_ref()).unwrap();
            assert!(fixed.len() == 64 && public.verify(&n.to_be_bytes(), &fixed).is_ok(), "{n}");
        }
    }

    #[test]
    fn short_halves_are_padded_and_what_is_no_signature_is_none() {
        let fixed = fixed_of_der(&[0x30, 7, 0x02, 1, 5, 0x02, 2, 0, 0x80]).unwrap();
        assert_eq!((fixed.len(), fixed[31], fixed[63]), (64, 5, 0x80));
        let long = [&[0x30, 38, 0x02, 33][..], &[1; 33], &[0x02, 1, 1]].concat();
        for bad in [
            &[][..],
            &[0x30, 0],
            &[0x30, 9, 0x02, 1, 5],
            &[0x30, 6, 0x02, 1, 5, 0x02, 1, 0x80],
            &[0x30, 7, 0x02, 2, 0, 5, 0x02, 1, 1],
            &[0x30, 7, 0x02, 1, 5, 0x02, 1, 1, 0],
            &long,
        ] {
            assert_eq!(fixed_of_der(bad), None, "{bad:?}");
        }
    }
}
