//! Signed URLs (V4), where the credentials can sign: a service account's key does so here, an attached service account
//! asks IAM Credentials (`signBlob`, 50 ms). A federated identity and a person cannot; their devices get the bytes from us.
//! Source: docs.cloud.google.com/storage/docs/access-control/signed-urls.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::objects::ObjectName;
use google_cloud_auth::credentials::{Builder, service_account};
use google_cloud_auth::signer::Signer;
use google_cloud_storage::builder::storage::SignedUrlBuilder;
use tokio::time::timeout;
use tracing::{info, warn};

use super::client::base;
use super::error::with_causes;
use super::bucket;
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
    signer: Option<Signer>,
    rests_until: Mutex<Option<Instant>>,
}

impl Signing {
    pub(super) fn none() -> Self {
        Self { signer: None, rests_until: Mutex::default() }
    }

    /// The credentials of the environment, if they can sign.
    pub(super) fn by_environment() -> Self {
        let signer = Builder::default().build_signer();
        if let Err(e) = &signer {
            info!(reason = %with_causes(e), "Downloads go through this process: the credentials cannot sign URLs");
        }
        Self { signer: signer.ok(), rests_until: Mutex::default() }
    }

    pub(super) fn by_key(key: &str) -> Result<Self, SigningKeyError> {
        let key = serde_json::from_str(key).map_err(|_| SigningKeyError("it is no JSON".into()))?;
        let signer = service_account::Builder::new(key).build_signer();
        let signer = signer.map_err(|e| SigningKeyError(with_causes(&e)))?;
        Ok(Self { signer: Some(signer), rests_until: Mutex::default() })
    }

    /// `None` where nobody can sign, and for a while after a signature failed: a download through us is better than none.
    pub(super) async fn url(&self, endpoint: &Endpoint, name: &ObjectName, generation: u64, valid_for: Duration) -> Option<String> {
        let signer = self.signer.as_ref().filter(|_| !self.rests())?;
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
