//! Who we are at AWS: region and credentials of the environment, and an emulator's address where `AWS_ENDPOINT_URL` names one.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use tokio::sync::OnceCell;

/// How long a call may take, with all its attempts: a sixth of a device's usual 60 s keepalive.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// How long one attempt may take: the services used here answer in 2 to 100 ms.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(3);
/// Attempts of one call.
const ATTEMPTS: u32 = 4;

/// What every client of AWS starts from: read at the first use, so that whoever needs nothing of AWS does not ask for it.
#[derive(Debug, Clone, Default)]
pub struct Aws {
    config: Arc<OnceCell<SdkConfig>>,
    stand_in: bool,
    /// Where every service is, in place of what the environment says.
    endpoint: Option<String>,
}

impl Aws {
    /// Keys that open nothing, for a stand-in of AWS: the environment is not asked.
    pub fn of_a_stand_in() -> Self {
        Self { stand_in: true, ..Self::default() }
    }

    /// The environment's region and keys, with every service at this URL.
    pub fn at(endpoint: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), ..Self::default() }
    }

    /// Region, credentials and limits. Nothing is sent where the environment names region and credentials, as Lambda's does.
    pub async fn config(&self) -> &SdkConfig {
        self.config.get_or_init(|| load(self.stand_in, self.endpoint.as_deref())).await
    }
}

async fn load(stand_in: bool, endpoint: Option<&str>) -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_timeout(CALL_LIMIT).operation_attempt_timeout(ATTEMPT_LIMIT).build();
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
    let loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).retry_config(retries);
    let loader = if stand_in {
        loader.region(Region::from_static("us-east-1")).credentials_provider(Credentials::new("none", "none", None, None, "stand-in"))
    } else {
        loader
    };
    let loader = match endpoint {
        Some(endpoint) => loader.endpoint_url(endpoint),
        None => loader,
    };
    loader.load().await
}
