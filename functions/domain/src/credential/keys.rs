//! # Keys that are ready to verify
//!
//! Reading a PEM costs about as much as a signature check, so what was read is kept, by the bytes of the credential: a
//! record that is changed has other bytes, and what is found here never outlives them.
//! Bound: [`MAX_KEYS`] keys, in two halves: a key that is used moves to the young half; when that is full, the old half
//! goes, counted, and the young one becomes the old. Only keys that somebody registered come in.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use jsonwebtoken::Algorithm;

use super::PublicKey;

/// Most keys kept: 20,000, of 1 to 4 KiB with their PEM.
pub const MAX_KEYS: usize = 20_000;
/// Longest PEM that is kept: 8 KiB, above any certificate that devices have; a longer one is read each time.
const MAX_PEM_BYTES: usize = 8 * 1024;

/// A public key that is ready: it has one algorithm, and verifies nothing else.
pub struct VerifyingKey(ParsedPublicKey);

impl VerifyingKey {
    /// From its bytes: a PKCS#1 `RSAPublicKey` for RS256, an uncompressed point for ES256. `None` when they are no such key.
    pub(crate) fn of(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let key = match algorithm {
            Algorithm::RS256 => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, bytes),
            Algorithm::ES256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes),
            _ => return None,
        };
        key.ok().map(Self)
    }

    /// Whether `signature` (RFC 7518: `r` and `s` for ES256) is this key's, over `signed`.
    pub fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        self.0.verify_sig(signed, signature).is_ok()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey")
    }
}

/// What was done since the process started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyCounters {
    /// Found ready.
    pub hits: u64,
    /// Read from a PEM.
    pub read: u64,
    /// Dropped because there were too many.
    pub evicted: u64,
}

/// The key in `public`, read now or before; `None` when there is none in it.
pub(crate) fn ready(public: &PublicKey) -> Option<Arc<VerifyingKey>> {
    KEYS.get(public)
}

/// What the keys of this process came to since its start.
pub fn counters() -> KeyCounters {
    KEYS.counters()
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::new(MAX_KEYS));

struct Keys {
    half: usize,
    halves: RwLock<Halves>,
    hits: AtomicU64,
    read: AtomicU64,
    evicted: AtomicU64,
}

#[derive(Default)]
struct Halves {
    young: HashMap<PublicKey, Arc<VerifyingKey>>,
    old: HashMap<PublicKey, Arc<VerifyingKey>>,
}

impl Keys {
    fn new(most: usize) -> Self {
        Self { half: most / 2, halves: RwLock::default(), hits: AtomicU64::new(0), read: AtomicU64::new(0), evicted: AtomicU64::new(0) }
    }

    fn get(&self, public: &PublicKey) -> Option<Arc<VerifyingKey>> {
        if let Some(key) = self.halves.read().unwrap_or_else(PoisonError::into_inner).young.get(public) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Some(key.clone());
        }
        let aged = self.halves.write().unwrap_or_else(PoisonError::into_inner).old.remove(public);
        let counter = if aged.is_some() { &self.hits } else { &self.read };
        counter.fetch_add(1, Ordering::Relaxed);
        let key = aged.or_else(|| public.verifying_key().ok().map(Arc::new))?;
        if public.pem.len() <= MAX_PEM_BYTES {
            self.keep(public.clone(), key.clone());
        }
        Some(key)
    }

    fn keep(&self, public: PublicKey, key: Arc<VerifyingKey>) {
        let mut halves = self.halves.write().unwrap_or_else(PoisonError::into_inner);
        if halves.young.len() >= self.half {
            let young = std::mem::take(&mut halves.young);
            let gone = std::mem::replace(&mut halves.old, young);
            self.evicted.fetch_add(gone.len() as u64, Ordering::Relaxed);
        }
        halves.young.insert(public, key);
    }

    fn counters(&self) -> KeyCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        KeyCounters { hits: read(&self.hits), read: read(&self.read), evicted: read(&self.evicted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKeyFormat;

    fn public() -> PublicKey {
        PublicKey { format: PublicKeyFormat::Es256Pem, pem: rcgen::KeyPair::generate().unwrap().public_key_pem() }
    }

    #[test]
    fn a_key_is_read_once_and_those_in_use_outlive_those_that_are_not() {
        let keys = Keys::new(8);
        let used = public();
        for other in (0..40).map(|_| public()) {
            assert!(keys.get(&used).is_some() && keys.get(&other).is_some());
        }
        let KeyCounters { hits, read, evicted } = keys.counters();
        assert_eq!((hits, read), (39, 41));
        assert!(evicted >= 32, "{evicted}");
        let halves = keys.halves.read().unwrap();
        assert!(halves.young.len() + halves.old.len() <= 8);
    }

    #[test]
    fn what_is_no_key_or_too_long_is_not_kept() {
        let keys = Keys::new(8);
        let mut long = public();
        long.pem.push_str(&"\n".repeat(MAX_PEM_BYTES));
        for _ in 0..2 {
            assert!(keys.get(&PublicKey { format: PublicKeyFormat::RsaPem, pem: "x".into() }).is_none());
            assert!(keys.get(&long).is_some());
        }
        assert_eq!(keys.counters(), KeyCounters { hits: 0, read: 4, evicted: 0 });
    }

    #[test]
    fn a_key_of_one_algorithm_is_none_of_the_other() {
        let pem = public().pem;
        assert!(PublicKey { format: PublicKeyFormat::RsaPem, pem }.verifying_key().is_err());
        assert!(VerifyingKey::of(Algorithm::HS256, b"x").is_none());
    }
}
