//! Which version signs when: pure, so that a test turns it through days.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::EcdsaKeyPair;
use domain::token::PublicJwk;
use domain::{PortError, Timestamp};

use super::PART;

/// How long a version is published before it signs: a day, far above what any verifier caches a JWK set.
pub const ANNOUNCE: Duration = Duration::from_secs(24 * 3600);
/// How long a version must stay enabled after it stopped signing: a day, far above the hour that a subject token counts.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// Most versions published, the youngest: one signs, one is announced, the rest are over.
pub const MAX_VERSIONS: usize = 10;

/// One enabled version.
#[derive(Clone)]
pub(super) struct Version {
    /// Its resource name.
    pub(super) name: String,
    pub(super) created: Timestamp,
    pub(super) public: PublicJwk,
    /// Both halves, of a version that is read from a secret.
    pub(super) pair: Option<Arc<EcdsaKeyPair>>,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({}, {})", self.name, self.public.kid)
    }
}

impl Version {
    /// Signs here, with the key from the secret.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PortError> {
        let pair = self.pair.as_ref().ok_or_else(|| PortError::lasting(PART, "the private key is not here"))?;
        let signature = pair.sign(&SystemRandom::new(), message);
        signature.map(|s| s.as_ref().to_vec()).map_err(|_| PortError::lasting(PART, "a signature could not be made"))
    }
}

/// The enabled versions, the youngest last.
#[derive(Debug, Default)]
pub(super) struct Versions(Vec<Version>);

impl Versions {
    /// Keeps the youngest [`MAX_VERSIONS`].
    pub(super) fn new(mut all: Vec<Version>) -> Self {
        all.sort_by_key(|v| v.created);
        let over = all.len().saturating_sub(MAX_VERSIONS);
        if over > 0 {
            tracing::warn!(
                over,
                "{over} enabled versions of the signing key beyond {MAX_VERSIONS} are not published: disable what is over"
            );
            all.drain(..over);
        }
        Self(all)
    }

    pub(super) fn all(&self) -> &[Version] {
        &self.0
    }

    /// The version of that name, if it is known already: what stands in a version never changes.
    pub(super) fn known(&self, name: &str) -> Option<&Version> {
        self.0.iter().find(|v| v.name == name)
    }

    /// The youngest whose announcement is over; without one, the oldest.
    pub(super) fn current(&self, now: Timestamp) -> Option<&Version> {
        self.0.iter().rfind(|v| v.created + ANNOUNCE <= now).or(self.0.first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str, created: i64) -> Version {
        let [kty, crv, x, y, alg, usage] = ["EC", "P-256", "x", "y", "ES256", "sig"].map(String::from);
        let public = PublicJwk { kty, crv, x, y, kid: name.into(), alg, usage };
        Version { name: name.into(), created: Timestamp::from_secs(created), public, pair: None }
    }

    #[test]
    fn the_first_signs_at_once_and_the_next_a_day_after_it_was_added() {
        let day = 24 * 3600;
        let at = |versions: &Versions, now: i64| versions.current(Timestamp::from_secs(now)).map(|v| v.name.clone());
        let mut all = vec![version("1", 0)];
        assert_eq!(at(&Versions::new(all.clone()), 1).as_deref(), Some("1"));
        all.push(version("2", 10 * day));
        let both = Versions::new(all);
        assert_eq!(at(&both, 11 * day - 1).as_deref(), Some("1"), "announced");
        assert_eq!(at(&both, 11 * day).as_deref(), Some("2"));
        assert_eq!(both.all().len(), 2, "the one before stays published until it is disabled");
        assert_eq!(at(&Versions::default(), 0), None);
    }

    #[test]
    fn only_the_youngest_are_published() {
        let many = Versions::new((0..12).rev().map(|n| version(&n.to_string(), n)).collect());
        assert_eq!((many.all().len(), many.all()[0].name.as_str()), (MAX_VERSIONS, "2"));
    }
}
