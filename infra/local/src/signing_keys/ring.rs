//! Which key signs when: pure, so that a test turns it through years.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Timestamp;
use domain::token::{PublicJwk, Secret};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::KeyPair;

use super::{ANNOUNCE, OVERLAP, PERIOD};

/// One key: from when it signs, and both its halves.
#[derive(Debug, Clone)]
pub(super) struct Key {
    signs_from: Timestamp,
    pem: Secret,
    public: PublicJwk,
}

/// Keys in the order in which they sign.
#[derive(Debug, Clone, Default)]
pub(super) struct Ring(Vec<Key>);

impl Key {
    /// A new key that signs from then on.
    fn make(signs_from: Timestamp) -> Result<Self, String> {
        let pair = KeyPair::generate().map_err(|e| e.to_string())?;
        Self::read(signs_from, pair.serialize_pem())
    }

    /// From its PEM (PKCS#8, P-256).
    pub(super) fn read(signs_from: Timestamp, pem: String) -> Result<Self, String> {
        let pair = KeyPair::from_pem(&pem).map_err(|e| e.to_string())?;
        let &[0x04, ref point @ ..] = pair.public_key_raw() else { return Err("the key is no uncompressed point".into()) };
        let (x, y) = point.split_at_checked(32).filter(|(_, y)| y.len() == 32).ok_or("the key is not of P-256")?;
        let signing = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|e| e.to_string())?;
        let jwk = Jwk::from_encoding_key(&signing, Algorithm::ES256).map_err(|e| e.to_string())?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|e| e.to_string())?;
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let [kty, crv, alg, usage] = ["EC", "P-256", "ES256", "sig"].map(String::from);
        let public = PublicJwk { kty, crv, x: text(x), y: text(y), kid, alg, usage };
        Ok(Self { signs_from, pem: Secret::new(pem), public })
    }

    pub(super) fn signs_from(&self) -> Timestamp {
        self.signs_from
    }
    /// RFC 7638 thumbprint of the public half.
    pub(super) fn kid(&self) -> &str {
        &self.public.kid
    }
    pub(super) fn pem(&self) -> &str {
        self.pem.reveal()
    }
    pub(super) fn public(&self) -> PublicJwk {
        self.public.clone()
    }
}

impl Ring {
    pub(super) fn new(mut keys: Vec<Key>) -> Self {
        keys.sort_by_key(Key::signs_from);
        Self(keys)
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.0
    }

    /// The key that signs at `now`: the youngest whose time has come.
    pub(super) fn current(&self, now: Timestamp) -> Option<&Key> {
        self.0.iter().rfind(|k| k.signs_from <= now).or(self.0.first())
    }

    /// Makes the key that is due, drops those whose tokens are all dead. Says whether anything changed.
    pub(super) fn turn(&mut self, now: Timestamp) -> Result<bool, String> {
        let before = self.0.len();
        let due = match self.0.last() {
            None => Some(now),
            Some(newest) if now + ANNOUNCE >= newest.signs_from + PERIOD => Some(now + ANNOUNCE),
            Some(_) => None,
        };
        if let Some(signs_from) = due {
            self.0.push(Key::make(signs_from)?);
        }
        // A key is over when its successor has been signing for the overlap.
        let over = self.0.iter().skip(1).take_while(|successor| successor.signs_from + OVERLAP <= now).count();
        self.0.drain(..over);
        Ok(due.is_some() || self.0.len() != before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn through_two_years_every_key_is_known_before_it_signs_and_after() {
        let mut ring = Ring::default();
        let mut now = Timestamp::from_secs(1_800_000_000);
        let mut published_since = std::collections::BTreeMap::new();
        let mut signed_last: std::collections::BTreeMap<String, Timestamp> = std::collections::BTreeMap::new();
        for hour in 0..2 * 365 * 24 {
            ring.turn(now).unwrap();
            assert!((1..=3).contains(&ring.keys().len()));
            for key in ring.keys() {
                published_since.entry(key.kid().to_owned()).or_insert(now);
            }
            let current = ring.current(now).unwrap().kid().to_owned();
            assert!(hour < 24 || now.since(published_since[&current]) >= ANNOUNCE, "announced before it signs");
            signed_last.insert(current, now);
            for (kid, last) in &signed_last {
                assert!(now.since(*last) >= OVERLAP || ring.keys().iter().any(|k| k.kid() == kid), "published while its tokens count");
            }
            now = now + HOUR;
        }
        assert!((24..=26).contains(&signed_last.len()), "{} keys in two years", signed_last.len());
    }

    #[test]
    fn a_process_that_slept_for_a_year_signs_on_and_announces_its_next_key() {
        let mut ring = Ring::default();
        let now = Timestamp::from_secs(1_800_000_000);
        ring.turn(now).unwrap();
        let old = ring.current(now).unwrap().kid().to_owned();
        let later = now + PERIOD * 12;
        assert!(ring.turn(later).unwrap());
        assert_eq!((ring.current(later).unwrap().kid(), ring.keys().len()), (old.as_str(), 2));
        assert!(!ring.turn(later).unwrap());
        assert_ne!(ring.current(later + ANNOUNCE).unwrap().kid(), old);
    }
}
