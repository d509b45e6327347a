//! Where a service is, and who we are there.

use std::fmt;
use std::str::FromStr;

use google_cloud_auth::build_errors::Error;
use google_cloud_auth::credentials::{Builder, Credentials, anonymous, external_account};
use serde_json::Value;

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Google's, with the credentials of the environment the process runs in.
    Google,
    /// Google's, as an identity of another cloud.
    Federated(ExternalAccount),
    /// An emulator at `host:port`, without credentials.
    Emulator(String),
}

impl Endpoint {
    pub(crate) fn credentials(&self, scope: &str) -> Result<Credentials, Error> {
        match self {
            Self::Google => Builder::default().with_scopes([scope]).build(),
            Self::Federated(account) => external_account::Builder::new(account.0.clone()).with_scopes([scope]).build(),
            Self::Emulator(_) => Ok(anonymous::Builder::new().build()),
        }
    }
}

/// How an identity of another cloud becomes one of Google's: the configuration of type `external_account` that
/// `gcloud iam workload-identity-pools create-cred-config` writes. There is no secret in it.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalAccount(Value);

/// What it is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotExternalAccount {
    /// Text that is no JSON.
    #[error("it is no JSON")]
    Json,
    /// A key of a service account, say.
    #[error("its `type` is `{0}`, not `external_account`")]
    Type(String),
    /// Something is missing.
    #[error("it has no `{0}`")]
    Incomplete(&'static str),
}

/// Keeps what nobody needs to see in a log.
impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExternalAccount({})", self.0["audience"])
    }
}

impl FromStr for ExternalAccount {
    type Err = NotExternalAccount;
    fn from_str(json: &str) -> Result<Self, NotExternalAccount> {
        // Errors do not repeat the text: it may be a key by mistake.
        let value: Value = serde_json::from_str(json).map_err(|_| NotExternalAccount::Json)?;
        let kind = value["type"].as_str().unwrap_or_default();
        if kind != "external_account" {
            return Err(NotExternalAccount::Type(kind.chars().take(32).flat_map(char::escape_debug).collect()));
        }
        match ["audience", "subject_token_type", "token_url", "credential_source"].into_iter().find(|name| value[name].is_null()) {
            Some(missing) => Err(NotExternalAccount::Incomplete(missing)),
            None => Ok(Self(value)),
        }
    }
}

#[cfg(test)]
mod federation;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn an_account_of_aws_is_taken_and_a_key_is_not() {
        let audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/aws";
        let mut config = json!({
            "type": "external_account",
            "audience": audience,
            "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {
                "environment_id": "aws1",
                "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
                "url": "http://169.254.169.254/latest/meta-data/iam/security-credentials",
                "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
            },
        });
        let account: ExternalAccount = config.to_string().parse().unwrap();
        assert!(Endpoint::Federated(account).credentials("https://www.googleapis.com/auth/pubsub").is_ok());
        config.as_object_mut().unwrap().remove("token_url");
        assert_eq!(config.to_string().parse::<ExternalAccount>(), Err(NotExternalAccount::Incomplete("token_url")));
        let key = json!({ "type": "service_account", "private_key": "hush" }).to_string().parse::<ExternalAccount>().unwrap_err();
        assert_eq!(key.to_string(), "its `type` is `service_account`, not `external_account`");
        assert_eq!("hush".parse::<ExternalAccount>(), Err(NotExternalAccount::Json));
    }
}
