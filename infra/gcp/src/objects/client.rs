//! The connections to Cloud Storage.

use std::time::Duration;

use domain::PortError;
use google_cloud_auth::credentials::Credentials;
use google_cloud_gax::exponential_backoff::ExponentialBackoffBuilder;
use google_cloud_gax::retry_policy::RetryPolicyExt as _;
use google_cloud_storage::client::Storage;
use google_cloud_storage::read_resume_policy::{ReadResumePolicyExt as _, Recommended};
use google_cloud_storage::retry_policy::RetryableErrors;

use super::{MAX_RESUMES, PART, UPLOAD_BUFFER_BYTES};
use crate::Endpoint;

const GOOGLE: &str = "https://storage.googleapis.com";
/// What tokens are asked for, where the credentials do not say it.
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";
/// The first wait before a request is sent again. Google advises a second for fleets of clients; we are few servers,
/// and a device waits.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// How long one look at an object may take; Cloud Storage answers in 20 to 200 ms.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

pub(super) struct Client {
    pub(super) storage: Storage,
    /// For what the library does over gRPC alone: looking at an object.
    pub(super) http: reqwest::Client,
    pub(super) credentials: Credentials,
    /// Without a slash at the end.
    pub(super) base: String,
}

/// `http://host:port` of an emulator that is named with or without its scheme, as STORAGE_EMULATOR_HOST is; or Google's.
pub(super) fn base(endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Google | Endpoint::Federated(_) => GOOGLE.into(),
        Endpoint::Emulator(address) => {
            let address = address.trim_end_matches('/');
            if address.contains("://") { address.into() } else { format!("http://{address}") }
        }
    }
}

impl Client {
    pub(super) async fn connect(endpoint: &Endpoint) -> Result<Self, PortError> {
        let base = base(endpoint);
        let credentials = endpoint.credentials(SCOPE).map_err(unusable)?;
        let backoff = ExponentialBackoffBuilder::new().with_initial_delay(FIRST_WAIT).with_maximum_delay(LONGEST_WAIT);
        let storage = Storage::builder()
            .with_endpoint(base.as_str())
            .with_credentials(credentials.clone())
            .with_retry_policy(RetryableErrors.with_attempt_limit(MAX_RESUMES))
            .with_backoff_policy(backoff.build().map_err(unusable)?)
            .with_read_resume_policy(Recommended.with_attempt_limit(MAX_RESUMES))
            // Always resumable: a single request would make visible what turns out wrong at its end, and cannot be
            // repeated without the risk of overwriting what somebody else wrote since.
            .with_resumable_upload_threshold(0_usize)
            .with_resumable_upload_buffer_size(UPLOAD_BUFFER_BYTES);
        let storage = storage.build().await.map_err(unusable)?;
        let http = reqwest::Client::builder().timeout(LOOK_LIMIT).redirect(reqwest::redirect::Policy::none());
        // Reading the system's roots takes 50 ms, and fails where there are none; without TLS nobody needs them.
        let http = if base.starts_with("http://") { http.tls_certs_only([]) } else { http };
        Ok(Self { storage, http: http.build().map_err(unusable)?, credentials, base })
    }
}

fn unusable(e: impl std::error::Error + 'static) -> PortError {
    let help = "set GOOGLE_APPLICATION_CREDENTIALS, run where a service account is attached, or set STORAGE_EMULATOR_HOST";
    PortError::lasting(PART, format!("Cloud Storage client: {}: {help}", super::error::with_causes(&e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_may_be_named_with_its_scheme_or_without() {
        for given in ["127.0.0.1:9023", "http://127.0.0.1:9023", "http://127.0.0.1:9023/"] {
            assert_eq!(base(&Endpoint::Emulator(given.into())), "http://127.0.0.1:9023");
        }
        assert_eq!(base(&Endpoint::Google), "https://storage.googleapis.com");
    }
}
