//! # Signing keys at Google
//!
//! In Cloud KMS (`kms://projects/P/locations/L/keyRings/R/cryptoKeys/K`): the private key never leaves it. Or in Secret
//! Manager (`secret://projects/P/secrets/S`): each version a P-256 key in PKCS#8 PEM, which is read and signs here.
//!
//! Promise: every enabled version is published. A version signs from [`ANNOUNCE`] after its creation on, so that whoever
//! caches our JWK set knows it in time (the very first signs at once), until a younger one's time has come; after that it
//! is published until it is disabled, which must not happen before [`OVERLAP`] is over. All instances agree, because the
//! versions and their times are the only state. Who rotates adds a version; nothing here does.
//!
//! The list of versions is read again after [`FRESH`]. While that fails, the one before serves on, a day at most.
//! Source: docs.cloud.google.com/kms/docs/data-integrity-guidelines and …/secret-manager/docs/data-integrity.

mod ecdsa;
mod kms;
mod secret;
mod versions;

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use domain::PortError;
use domain::ports::{Clock, SigningKeys};
use domain::token::PublicJwk;
use tokio::sync::Mutex;

use self::kms::Kms;
use self::secret::Secrets;
use self::versions::Versions;

pub use self::versions::{ANNOUNCE, MAX_VERSIONS, OVERLAP};

/// How long a list of versions serves: five minutes, far below the day that a version is published before it signs.
pub const FRESH: Duration = Duration::from_secs(300);
/// How long it serves on while a new one cannot be had: as long as a version is published before it signs.
const SERVES_ON: Duration = ANNOUNCE;
/// After a failure the next try waits this long, so that an outage costs one request a while and not one each.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// What is said of errors.
const PART: &str = "signing keys";

/// Where the keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysAt {
    /// A key of Cloud KMS, by its resource name.
    Kms(String),
    /// A secret of Secret Manager, by its resource name.
    Secret(String),
}

/// Names the two forms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no signing keys: expected `kms://projects/P/locations/L/keyRings/R/cryptoKeys/K` or `secret://projects/P/secrets/S`")]
pub struct NotKeys(String);

impl FromStr for KeysAt {
    type Err = NotKeys;
    fn from_str(url: &str) -> Result<Self, NotKeys> {
        let refused = || NotKeys(url.chars().take(256).flat_map(char::escape_debug).collect());
        let (scheme, name) = url.split_once("://").ok_or_else(refused)?;
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
        let parts: Vec<_> = name.split('/').collect();
        if !parts.iter().all(|part| !part.is_empty() && part.bytes().all(legal)) {
            return Err(refused());
        }
        match (scheme, &parts[..]) {
            ("kms", ["projects", _, "locations", _, "keyRings", _, "cryptoKeys", _]) => Ok(Self::Kms(name.to_owned())),
            ("secret", ["projects", _, "secrets", _] | ["projects", _, "locations", _, "secrets", _]) => Ok(Self::Secret(name.to_owned())),
            _ => Err(refused()),
        }
    }
}

/// One of the two services.
enum Service {
    Kms(Kms),
    Secret(Secrets),
}

/// Signing keys at Google. The client is made at the first use.
pub struct CloudSigningKeys {
    service: Service,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    versions: Arc<Versions>,
    read: Option<Instant>,
    tried: Option<Instant>,
}

impl CloudSigningKeys {
    /// The keys at `at`; `endpoint` in place of Google's, without credentials, for a stand-in.
    pub fn new(at: KeysAt, endpoint: Option<String>, clock: Arc<dyn Clock>) -> Self {
        let service = match at {
            KeysAt::Kms(name) => Service::Kms(Kms::new(name, endpoint)),
            KeysAt::Secret(name) => Service::Secret(Secrets::new(name, endpoint)),
        };
        Self { service, clock, kept: Mutex::default() }
    }

    /// The versions as of five minutes ago or later. One reader at a time asks the service; the others wait for it.
    async fn versions(&self) -> Result<Arc<Versions>, PortError> {
        let mut kept = self.kept.lock().await;
        let younger = |at: Option<Instant>, than: Duration| at.is_some_and(|at| at.elapsed() < than);
        let serves_on = younger(kept.read, SERVES_ON);
        if younger(kept.read, FRESH) || (serves_on && younger(kept.tried, TRY_AGAIN)) {
            return Ok(kept.versions.clone());
        }
        kept.tried = Some(Instant::now());
        let read = match &self.service {
            Service::Kms(kms) => kms.read(&kept.versions).await,
            Service::Secret(secrets) => secrets.read(&kept.versions).await,
        };
        match read {
            Ok(versions) => {
                kept.versions = Arc::new(versions);
                kept.read = Some(Instant::now());
            }
            Err(e) if serves_on => tracing::warn!(error = %e, "Signing keys could not be read again; those from before serve on: {e}"),
            Err(e) => return Err(e),
        }
        Ok(kept.versions.clone())
    }
}

#[async_trait]
impl SigningKeys for CloudSigningKeys {
    async fn current(&self) -> Result<PublicJwk, PortError> {
        let versions = self.versions().await?;
        let current = versions.current(self.clock.now()).map(|v| v.public.clone());
        current.ok_or_else(|| PortError::lasting(PART, "there is no enabled version: add one, or enable one"))
    }

    async fn published(&self) -> Result<Vec<PublicJwk>, PortError> {
        Ok(self.versions().await?.all().iter().map(|v| v.public.clone()).collect())
    }

    async fn sign(&self, kid: &str, message: &[u8]) -> Result<Vec<u8>, PortError> {
        let versions = self.versions().await?;
        let version = versions.all().iter().find(|v| v.public.kid == kid);
        let version = version.ok_or_else(|| PortError::lasting(PART, format!("no enabled version has the key `{kid}`")))?;
        match &self.service {
            Service::Kms(kms) => kms.sign(version, message).await,
            Service::Secret(_) => version.sign(message),
        }
    }
}

/// An error of either client: what may pass by itself, and what waits for somebody.
fn port_error(e: &google_cloud_gax::error::Error) -> PortError {
    let status = e.http_status_code();
    let passing = status.is_none_or(|s| s == 408 || s == 429 || s >= 500) && !e.is_authentication();
    if passing { PortError::passing(PART, e) } else { PortError::lasting(PART, e) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_where_they_are() {
        let kms = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
        assert_eq!(format!("kms://{kms}").parse(), Ok(KeysAt::Kms(kms.into())));
        assert_eq!("secret://projects/p/secrets/s".parse(), Ok(KeysAt::Secret("projects/p/secrets/s".into())));
        for bad in [
            "",
            "kms://",
            "kms://projects/p",
            "secret://projects/p/secrets/",
            "secret://projects/p/secrets/a/versions/1",
            "kms://projects/p/../x",
            "file:x",
        ] {
            assert!(bad.parse::<KeysAt>().unwrap_err().to_string().contains("expected `kms://projects/P"), "{bad}");
        }
    }
}
