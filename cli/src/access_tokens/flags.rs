//! The flags of `accesstoken.py`, beside ours. Dashes and underscores are the same in each.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::secret::Secret;

/// The region that the sample took when none was given.
pub(super) const DEFAULT_REGION: &str = "us-central1";

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Sentences for people.
    Text,
    /// The service's answer for programs.
    Json,
}

/// How the device's JWT is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Algorithm {
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "ES256")]
    Es256,
}

/// Which device it is, and its key.
#[derive(Debug, Args)]
#[command(next_help_heading = "The device, as in accesstoken.py")]
pub(super) struct DeviceFlags {
    /// The project: the audience of the device's JWT [profile: project] [default: $GOOGLE_CLOUD_PROJECT, or local]
    #[arg(long, alias = "project", env = "DRAWBRIDGE_PROJECT", value_name = "ID")]
    pub(super) project_id: Option<String>,
    /// The region [profile: region] [default: us-central1]
    #[arg(long, alias = "region", env = "DRAWBRIDGE_REGION", value_name = "REGION")]
    pub(super) cloud_region: Option<String>,
    /// The registry [profile: registry]
    #[arg(long, alias = "registry", env = "DRAWBRIDGE_REGISTRY", value_name = "ID")]
    pub(super) registry_id: Option<String>,
    /// The device, by id or number.
    #[arg(long, alias = "device", env = "DRAWBRIDGE_DEVICE", value_name = "ID")]
    pub(super) device_id: Option<String>,
    /// The device's private key (PEM), as `drawbridge-shim keygen` or openssl makes it.
    #[arg(long, alias = "certificate-path", env = "DRAWBRIDGE_PRIVATE_KEY_FILE", value_name = "FILE")]
    pub(super) private_key_file: Option<PathBuf>,
    /// How the JWT is signed [default: as the key can]
    #[arg(long, value_enum, ignore_case = true)]
    pub(super) algorithm: Option<Algorithm>,
}

/// As whom the device acts.
#[derive(Debug, Args)]
pub(super) struct Account {
    /// The service account to act as: `NAME@PROJECT.iam.gserviceaccount.com`
    #[arg(long, value_name = "EMAIL")]
    pub(super) service_account_email: String,
}

/// Where the services are, and how the answer is printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shared by the subcommands of accesstoken.py")]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) urls: UrlFlags,
    /// The profile file [default: ~/.config/drawbridge/profile.toml]
    #[arg(long, env = "DRAWBRIDGE_PROFILE", value_name = "FILE")]
    pub(super) profile: Option<PathBuf>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// The same as --format json.
    #[arg(long)]
    pub(super) json: bool,
    /// Print the equivalent requests instead of sending them; tokens appear by the names of variables.
    #[arg(long)]
    pub(super) curl: bool,
}

/// Each service's base URL, as in `https://pubsub.googleapis.com`.
#[derive(Debug, Args)]
pub(super) struct UrlFlags {
    /// Where every service is that no flag below names [profile: endpoint] [default: http://127.0.0.1:8080]
    #[arg(long, alias = "base-url", env = "DRAWBRIDGE_ENDPOINT", value_name = "URL")]
    pub(super) endpoint: Option<String>,
    /// The token service: cloudiottoken.googleapis.com once, a Drawbridge now [profile: urls.token_service]
    #[arg(long, env = "DRAWBRIDGE_TOKEN_SERVICE_URL", value_name = "URL")]
    pub(super) token_service_url: Option<String>,
    /// IAM Credentials, as in `https://iamcredentials.googleapis.com` [profile: urls.iamcredentials]
    #[arg(long, env = "DRAWBRIDGE_IAMCREDENTIALS_URL", value_name = "URL")]
    pub(super) iamcredentials_url: Option<String>,
    /// Pub/Sub, as in `https://pubsub.googleapis.com` [profile: urls.pubsub]
    #[arg(long, env = "DRAWBRIDGE_PUBSUB_URL", value_name = "URL")]
    pub(super) pubsub_url: Option<String>,
    /// Cloud Storage, as in `https://storage.googleapis.com` [profile: urls.storage]
    #[arg(long, env = "DRAWBRIDGE_STORAGE_URL", value_name = "URL")]
    pub(super) storage_url: Option<String>,
    /// The registry API: cloudiot.googleapis.com once, a Drawbridge now [profile: urls.cloudiot]
    #[arg(long, env = "DRAWBRIDGE_CLOUDIOT_URL", value_name = "URL")]
    pub(super) cloudiot_url: Option<String>,
}

/// A device's access token, given rather than asked for.
#[derive(Debug, Args)]
pub(super) struct GivenToken {
    /// The device's access token. By its variable it does not stand on a command line, which others on this machine can read.
    #[arg(long, env = "DRAWBRIDGE_DEVICE_ACCESS_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(super) device_access_token: Secret,
}
