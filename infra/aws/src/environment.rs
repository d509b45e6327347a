//! Who we are at AWS: region and credentials of the environment, and an emulator's address where `AWS_ENDPOINT_URL` names one.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use tokio::sync::OnceCell;

/// How long a call may take, with all its attempts: a sixth of a device's usual 60 s keepalive.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How long one attempt may take: the services used here answer in 2 to 100 ms.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// Attempts of one call.
const ATTEMPTS: u32 = 4;

/// What every client of AWS starts from: read at the first use, so that whoever needs nothing of AWS does not ask for it.
#[derive(Debug, Clone, Default)]
pub struct Aws(Arc<OnceCell<SdkConfig>>);

impl Aws {
    /// Region, credentials and limits. Nothing is sent where the environment names region and credentials, as Lambda's does.
    pub async fn config(&self) -> &SdkConfig {
        self.0.get_or_init(load).await
    }
}

async fn load() -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_timeout(CALL_LIMIT).operation_attempt_timeout(ATTEMPT_LIMIT).build();
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).retry_config(retries).load().await
}
