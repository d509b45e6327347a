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

fn limits() -> (TimeoutConfig, RetryConfig) {
    let timeouts = TimeoutConfig::builder().operation_timeout(CALL_LIMIT).operation_attempt_timeout(ATTEMPT_LIMIT).build();
    (timeouts, RetryConfig::standard().with_max_attempts(ATTEMPTS))
}

/// Keys that open nothing.
fn stand_in_keys() -> Credentials {
    Credentials::new("none", "none", None, None, "stand-in")
}

const STAND_IN_REGION: Region = Region::from_static("us-east-1");

#[cfg(feature = "full")]
async fn load(stand_in: bool, endpoint: Option<&str>) -> SdkConfig {
    let (timeouts, retries) = limits();
    let loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).retry_config(retries);
    let loader = if stand_in { loader.region(STAND_IN_REGION).credentials_provider(stand_in_keys()) } else { loader };
    let loader = match endpoint {
        Some(endpoint) => loader.endpoint_url(endpoint),
        None => loader,
    };
    loader.load().await
}

/// As AWS Lambda says it to every function: the environment has the region and the keys. Nothing else is looked into.
#[cfg(not(feature = "full"))]
async fn load(stand_in: bool, endpoint: Option<&str>) -> SdkConfig {
    use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
    use aws_config::meta::region::ProvideRegion as _;
    use aws_sdk_dynamodb::config::SharedCredentialsProvider;

    let (timeouts, retries) = limits();
    let (region, keys) = if stand_in {
        (Some(STAND_IN_REGION), SharedCredentialsProvider::new(stand_in_keys()))
    } else {
        let keys = SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new());
        (EnvironmentVariableRegionProvider::new().region().await, keys)
    };
    let mut config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).timeout_config(timeouts).retry_config(retries);
    config.set_endpoint_url(endpoint.map(Into::into).or_else(|| std::env::var("AWS_ENDPOINT_URL").ok()));
    config.region(region).credentials_provider(keys).build()
}
