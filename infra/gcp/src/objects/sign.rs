//! Signed URLs (V4), where the credentials can sign: a service account's key does so here, an attached service account
//! asks IAM Credentials (`signBlob`, 50 ms). A federated identity and a person cannot; their devices get the bytes from us.
//! Source: docs.cloud.google.com/storage/docs/access-control/signed-urls.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use domain::objects::ObjectName;
use google_cloud_auth::credentials::{Builder, service_account};
use google_cloud_auth::signer::Signer;
use google_cloud_storage::builder::storage::SignedUrlBuilder;
use tokio::time::timeout;
use tracing::{info, warn};

use super::bucket;
use super::client::base;
use super::error::with_causes;
use crate::Endpoint;

/// How long a signature may take before the bytes go through us.
const SIGN_LIMIT: Duration = Duration::from_secs(5);
/// How long no signature is tried after one failed: a permission that is missing stays missing for minutes.
const REST: Duration = Duration::from_secs(300);

/// Why a key cannot sign.
#[derive(Debug, thiserror::Error)]
#[error("the signing key is no service account's key: {0}")]
pub struct SigningKeyError(String);

/// Who signs, if anybody does.
pub(super) struct Signing {
    /// Empty until the environment is asked, at the first URL.
    signer: OnceLock<Option<Signer>>,
    rests_until: Mutex<Option<Instant>>,
}

impl Signing {
    fn by(signer: impl Into<OnceLock<Option<Signer>>>) -> Self {
        Self { signer: signer.into(), rests_until: Mutex::default() }
    }

    pub(super) fn none() -> Self {
        Self::by(None)
    }

    /// The credentials of the environment, if they can sign.
    pub(super) fn by_environment() -> Self {
        Self::by(OnceLock::new())
    }

    pub(super) fn by_key(key: &str) -> Result<Self, SigningKeyError> {
        let key = serde_json::from_str(key).map_err(|_| SigningKeyError("it is no JSON".into()))?;
        let signer = service_account::Builder::new(key).build_signer();
        signer.map(|signer| Self::by(Some(signer))).map_err(|e| SigningKeyError(with_causes(&e)))
    }

    /// `None` where nobody can sign, and for a while after a signature failed: a download through us is better than none.
    pub(super) async fn url(&self, endpoint: &Endpoint, name: &ObjectName, generation: u64, valid_for: Duration) -> Option<String> {
        let signer = self.signer.get_or_init(environment).as_ref().filter(|_| !self.rests())?;
        let builder = SignedUrlBuilder::for_object(bucket(name), name.object())
            .with_expiration(valid_for)
            .with_query_param("generation", generation.to_string())
            .with_endpoint(base(endpoint));
        let failure = match timeout(SIGN_LIMIT, builder.sign_with(signer)).await {
            Ok(Ok(url)) => return Some(url),
            Ok(Err(e)) => with_causes(&e),
            Err(_) => format!("no answer within {} s", SIGN_LIMIT.as_secs()),
        };
        let minutes = REST.as_secs() / 60;
        warn!(
            error = failure,
            "No URL could be signed; downloads go through this process for {minutes} minutes. \
             The service account needs roles/iam.serviceAccountTokenCreator on itself"
        );
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
        None
    }

    fn rests(&self) -> bool {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }
}

fn environment() -> Option<Signer> {
    let signer = Builder::default().build_signer();
    if let Err(e) = &signer {
        info!(reason = %with_causes(e), "Downloads go through this process: the credentials cannot sign URLs");
    }
    signer.ok()
}
