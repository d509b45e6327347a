//! # Signing keys in a file
//!
//! Promise: a key is published [`ANNOUNCE`] before it signs, so that whoever caches our JWK set knows it in time (the
//! very first key signs at once), and [`OVERLAP`] after the last token it signed was made. Each signs for [`PERIOD`].
//! The private keys stand in one file with mode 0600, made if it is absent, and never leave this module.
//!
//! Rotation is a matter of age and happens at the next use. It is for one process: two with the same file would each
//! make a successor.

mod file;
mod ring;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::PortError;
use domain::ports::{Clock, SigningKeys};
use domain::token::PublicJwk;
use jsonwebtoken::{Algorithm, EncodingKey};

use self::ring::{Key, Ring};

/// How long a key signs: 30 days.
pub const PERIOD: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a key is published before it signs: a day, far above what any verifier caches a JWK set.
pub const ANNOUNCE: Duration = Duration::from_secs(24 * 3600);
/// How long a key is published after it stopped signing: a day, far above the hour that a subject token counts.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// Signing keys in a file.
pub struct FileSigningKeys {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    ring: Mutex<Ring>,
}

fn lasting(path: &Path, e: impl std::fmt::Display) -> PortError {
    PortError::lasting("signing keys", format!("{}: {e}", path.display()))
}

impl FileSigningKeys {
    /// The keys in `path`, with a first one made if the file is absent. An unreadable file is an error, never replaced:
    /// tokens signed by the keys in it may still count.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, PortError> {
        let ring = file::read(path).map_err(|e| lasting(path, e))?.unwrap_or_default();
        let keys = Self { path: path.to_owned(), clock, ring: Mutex::new(ring) };
        drop(keys.turned()?);
        Ok(keys)
    }

    /// The ring as of now, written first if it has turned.
    fn turned(&self) -> Result<MutexGuard<'_, Ring>, PortError> {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = ring.clone();
        if next.turn(self.clock.now()).map_err(|e| lasting(&self.path, e))? {
            file::write(&self.path, &next).map_err(|e| lasting(&self.path, e))?;
            tracing::info!(keys = next.keys().len(), "A signing key was made or retired; {} are published", next.keys().len());
            *ring = next;
        }
        Ok(ring)
    }
}

#[async_trait]
impl SigningKeys for FileSigningKeys {
    async fn current(&self) -> Result<PublicJwk, PortError> {
        let ring = self.turned()?;
        ring.current(self.clock.now()).map(Key::public).ok_or_else(|| lasting(&self.path, "there is no key"))
    }

    async fn published(&self) -> Result<Vec<PublicJwk>, PortError> {
        Ok(self.turned()?.keys().iter().map(Key::public).collect())
    }

    async fn sign(&self, kid: &str, message: &[u8]) -> Result<Vec<u8>, PortError> {
        let ring = self.turned()?;
        let key = ring.keys().iter().find(|k| k.kid() == kid).ok_or_else(|| lasting(&self.path, format!("no key `{kid}`")))?;
        let signing = EncodingKey::from_ec_pem(key.pem().as_bytes()).map_err(|e| lasting(&self.path, e))?;
        let text = jsonwebtoken::crypto::sign(message, &signing, Algorithm::ES256).map_err(|e| lasting(&self.path, e))?;
        URL_SAFE_NO_PAD.decode(text).map_err(|e| lasting(&self.path, e))
    }
}
