//! Secret Manager: each enabled version of a secret is a P-256 key in PKCS#8 PEM. Cheaper than KMS and without a call for
//! each signature; the key is in this process's memory.

use std::sync::Arc;
use std::time::Duration;

use domain::{PortError, Timestamp};
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::options::RequestOptionsBuilder as _;
use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicyExt as _};
use google_cloud_secretmanager_v1::client::SecretManagerService;
use google_cloud_secretmanager_v1::model::secret_version::State;
use tokio::sync::OnceCell;

use super::versions::{Version, Versions};
use super::{PART, ecdsa, port_error};

/// How long one attempt may take.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(4);
/// How long all attempts together may take.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Secrets {
    secret: String,
    endpoint: Option<String>,
    client: OnceCell<SecretManagerService>,
}

impl Secrets {
    pub(super) fn new(secret: String, endpoint: Option<String>) -> Self {
        Self { secret, endpoint, client: OnceCell::new() }
    }

    async fn client(&self) -> Result<&SecretManagerService, PortError> {
        let make = || async {
            let policy = Aip194Strict.with_attempt_limit(4).with_time_limit(LIMIT);
            let builder = SecretManagerService::builder().with_retry_policy(policy);
            let builder = match &self.endpoint {
                Some(endpoint) => builder.with_endpoint(endpoint).with_credentials(anonymous::Builder::new().build()),
                None => builder,
            };
            builder.build().await.map_err(|e| PortError::lasting(PART, format!("the client of Secret Manager cannot be made: {e}")))
        };
        self.client.get_or_try_init(make).await
    }

    /// The enabled versions; those that are known are not read again.
    pub(super) async fn read(&self, known: &Versions) -> Result<Versions, PortError> {
        let request = self.client().await?.list_secret_versions().set_parent(&self.secret).set_filter("state:ENABLED").set_page_size(100);
        let list = request.with_attempt_timeout(ATTEMPT_LIMIT).send().await.map_err(|e| port_error(&e))?;
        let mut versions = Vec::new();
        for listed in list.versions.into_iter().filter(|v| v.state == State::Enabled) {
            let created = Timestamp::from_secs(listed.create_time.map_or(0, |t| t.seconds()));
            versions.push(match known.known(&listed.name) {
                Some(version) => version.clone(),
                None => self.open(listed.name, created).await?,
            });
        }
        Ok(Versions::new(versions))
    }

    async fn open(&self, name: String, created: Timestamp) -> Result<Version, PortError> {
        let request = self.client().await?.access_secret_version().set_name(&name).with_attempt_timeout(ATTEMPT_LIMIT);
        let payload = request.send().await.map_err(|e| port_error(&e))?.payload.unwrap_or_default();
        if payload.data_crc32c != Some(i64::from(crc32c::crc32c(&payload.data))) {
            return Err(PortError::passing(PART, format!("{name} was damaged on the way: its CRC32C does not match")));
        }
        let lasting = |why: &str| PortError::lasting(PART, format!("{name}: {why}"));
        let pem = std::str::from_utf8(&payload.data).map_err(|_| lasting("it is not text"))?;
        let (pair, public) = ecdsa::pair_of_pem(pem).map_err(|why| lasting(&why))?;
        Ok(Version { name, created, public, pair: Some(Arc::new(pair)) })
    }
}
