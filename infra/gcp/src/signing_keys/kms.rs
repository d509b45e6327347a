//! Cloud KMS: a key of `EC_SIGN_P256_SHA256` whose private half never leaves it.
//!
//! Google's advice on integrity: the CRC32C of what is sent goes with it and must come back as verified, that of what is
//! answered is checked here, and so is the name of the version that signed.

use std::time::Duration;

use bytes::Bytes;
use domain::{PortError, Timestamp, p256};
use google_cloud_auth::credentials::anonymous;
use google_cloud_gax::options::RequestOptionsBuilder as _;
use google_cloud_gax::retry_policy::{Aip194Strict, RetryPolicyExt as _};
use google_cloud_kms_v1::client::KeyManagementService;
use google_cloud_kms_v1::model::crypto_key_version::{CryptoKeyVersionAlgorithm, CryptoKeyVersionState};
use tokio::sync::OnceCell;

use super::versions::{Version, Versions};
use super::{PART, ecdsa, port_error};

/// How long one attempt may take: KMS signs within 100 ms.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(4);
/// How long all attempts together may take; with the exchange after it, a device waits half a minute at most.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Kms {
    key: String,
    endpoint: Option<String>,
    client: OnceCell<KeyManagementService>,
}

fn damaged(what: &str) -> PortError {
    PortError::passing(PART, format!("{what} was damaged on the way: its CRC32C does not match"))
}

impl Kms {
    pub(super) fn new(key: String, endpoint: Option<String>) -> Self {
        Self { key, endpoint, client: OnceCell::new() }
    }

    async fn client(&self) -> Result<&KeyManagementService, PortError> {
        let make = || async {
            let policy = Aip194Strict.with_attempt_limit(4).with_time_limit(LIMIT);
            let builder = KeyManagementService::builder().with_retry_policy(policy);
            let builder = match &self.endpoint {
                Some(endpoint) => builder.with_endpoint(endpoint).with_credentials(anonymous::Builder::new().build()),
                None => builder,
            };
            builder.build().await.map_err(|e| PortError::lasting(PART, format!("the client of Cloud KMS cannot be made: {e}")))
        };
        self.client.get_or_try_init(make).await
    }

    /// The enabled versions; public keys that are known are not fetched again.
    pub(super) async fn read(&self, known: &Versions) -> Result<Versions, PortError> {
        let request = self.client().await?.list_crypto_key_versions().set_parent(&self.key).set_filter("state=ENABLED").set_page_size(100);
        let list = request.with_attempt_timeout(ATTEMPT_LIMIT).send().await.map_err(|e| port_error(&e))?;
        let mut versions = Vec::new();
        for listed in list.crypto_key_versions.into_iter().filter(|v| v.state == CryptoKeyVersionState::Enabled) {
            if listed.algorithm != CryptoKeyVersionAlgorithm::EcSignP256Sha256 {
                let text = format!("{} is of {:?}; EC_SIGN_P256_SHA256 is needed", listed.name, listed.algorithm);
                return Err(PortError::lasting(PART, text));
            }
            let created = Timestamp::from_secs(listed.create_time.map_or(0, |t| t.seconds()));
            versions.push(match known.known(&listed.name) {
                Some(version) => version.clone(),
                None => self.public(listed.name, created).await?,
            });
        }
        Ok(Versions::new(versions))
    }

    async fn public(&self, name: String, created: Timestamp) -> Result<Version, PortError> {
        let request = self.client().await?.get_public_key().set_name(&name).with_attempt_timeout(ATTEMPT_LIMIT);
        let answer = request.send().await.map_err(|e| port_error(&e))?;
        if answer.pem_crc32c != Some(i64::from(crc32c::crc32c(answer.pem.as_bytes()))) {
            return Err(damaged("a public key"));
        }
        let public = ecdsa::jwk_of_pem(&answer.pem).map_err(|why| PortError::lasting(PART, format!("{name}: {why}")))?;
        Ok(Version { name, created, public, pair: None })
    }

    /// Signs `message`, which KMS hashes. Signing again is as good, so a failure that passes is tried again.
    pub(super) async fn sign(&self, version: &Version, message: &[u8]) -> Result<Vec<u8>, PortError> {
        let (data, sum) = (Bytes::copy_from_slice(message), i64::from(crc32c::crc32c(message)));
        let request = self.client().await?.asymmetric_sign().set_name(&version.name).set_data(data).set_data_crc32c(sum);
        let answer = request.with_idempotency(true).with_attempt_timeout(ATTEMPT_LIMIT).send().await.map_err(|e| port_error(&e))?;
        if !answer.verified_data_crc32c {
            return Err(damaged("what was to be signed"));
        }
        if answer.signature_crc32c != Some(i64::from(crc32c::crc32c(&answer.signature))) {
            return Err(damaged("a signature"));
        }
        if answer.name != version.name {
            return Err(PortError::lasting(PART, format!("{} was to sign, {} did", version.name, answer.name)));
        }
        p256::fixed_of_der(&answer.signature).ok_or_else(|| PortError::lasting(PART, "the answer holds no ECDSA signature"))
    }
}
