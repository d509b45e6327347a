//! Access tokens of the device, from the token service at the configured `cloud`.
//!
//! Promise: the device's JWT goes to `cloud` and to nobody else: no redirect is followed. A device whose clock is wrong
//! learns the time from the refusal and asks once more. Nothing is kept here; who needs a token often keeps it
//! ([`crate::metadata`]).

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::json;

use crate::clock::history::ClockHistory;
use crate::clock::{CloudClock, system_wall, time_in_refusal};
use crate::config::{Config, ConfigError};
use crate::download::answer::message;
use crate::download::client::chain;
use crate::identity::{Identity, KeyError};
use crate::link::mqtt::{TlsError, tls};

/// Of an answer of the token service: a token has at most 12 KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// The whole of one request.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Why there is no access token.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The configuration does not say where the token service is.
    #[error("the configuration has no key `cloud`, where the token service is, such as \"https://cloud.example.com\"")]
    NoCloud,
    /// The private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody can be trusted.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The client or the device's JWT cannot be made.
    #[error("the token service cannot be asked: {0}")]
    Setup(String),
    /// No answer.
    #[error("no answer from the token service at {cloud}: {why}")]
    Unreachable {
        /// Where it should be.
        cloud: Url,
        /// Why.
        why: String,
    },
    /// The token service refuses.
    #[error("the token service refuses with {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// The answer holds no token.
    #[error("the answer from {cloud} is not of the token service: {why}")]
    Answer {
        /// Where it came from.
        cloud: Url,
        /// What is wrong with it.
        why: String,
    },
}

impl AccessTokenError {
    /// Whether the request itself is at fault.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Config(_) | Self::NoCloud)
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wish {
    /// OAuth 2.0 scopes, separated by spaces.
    pub scope: String,
    /// The service account to act as; without, the device itself.
    pub service_account: Option<String>,
}

/// A token that does not print by itself.
#[derive(Clone, Deserialize)]
pub struct AccessToken {
    access_token: String,
    /// Seconds from its arrival.
    pub expires_in: u64,
}

impl AccessToken {
    /// The token itself, for whom it is for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.access_token
    }

    /// The same token with `left` of its life.
    #[must_use]
    pub(crate) fn with_life(self, left: Duration) -> Self {
        Self { expires_in: left.as_secs(), ..self }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(token: &str, expires_in: u64) -> Self {
        Self { access_token: token.into(), expires_in }
    }

    /// As the token service answers it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        json!({ "access_token": self.access_token, "expires_in": self.expires_in, "token_type": "Bearer" })
    }
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// Asks the token service as one device.
pub struct TokenClient {
    http: reqwest::Client,
    cloud: Url,
    url: Url,
    identity: Identity,
    clock: CloudClock,
}

impl TokenClient {
    /// A client for the configured `cloud`.
    ///
    /// # Errors
    /// [`AccessTokenError`] when key, roots or `cloud` cannot be used.
    pub fn new(config: Config) -> Result<Self, AccessTokenError> {
        let cloud = config.cloud.ok_or(AccessTokenError::NoCloud)?;
        let clock = CloudClock::new(system_wall());
        // What the running shim learnt of the time; nothing is written there.
        let _known = ClockHistory::open(&config.data_dir, 0, &clock);
        let url = service_url(&cloud, &config.device.to_string());
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::http_client(config.ca.as_deref(), &cloud, &clock)?)
            .connect_timeout(config.link.connect_timeout)
            .timeout(ANSWER_LIMIT)
            .redirect(Policy::none())
            .build()
            .map_err(|e| AccessTokenError::Setup(chain(&e)))?;
        let identity = Identity::load(config.device, &config.private_key, config.link.token_life)?;
        Ok(Self { http, cloud, url, identity, clock })
    }

    /// Whose tokens these are.
    #[must_use]
    pub fn device(&self) -> &protocol::DeviceName {
        self.identity.device()
    }

    /// A fresh token.
    ///
    /// # Errors
    /// [`AccessTokenError`]; whether it is worth another try is for the caller to know.
    pub async fn fetch(&self, wish: &Wish) -> Result<AccessToken, AccessTokenError> {
        let refused = match self.ask(wish).await? {
            Ok(token) => return Ok(token),
            Err(refused) => refused,
        };
        let (StatusCode::UNAUTHORIZED, Some(ms)) = (refused.0, time_in_refusal(&refused.1)) else { return Err(refused.into()) };
        if !self.clock.learn(ms) {
            return Err(refused.into());
        }
        self.ask(wish).await?.map_err(Into::into)
    }

    async fn ask(&self, wish: &Wish) -> Result<Result<AccessToken, Refusal>, AccessTokenError> {
        let setup = |why: String| AccessTokenError::Setup(why);
        let jwt = self.identity.token(&self.clock).map_err(|e| setup(e.to_string()))?;
        let mut bearer = HeaderValue::from_str(&format!("Bearer {jwt}")).map_err(|e| setup(e.to_string()))?;
        bearer.set_sensitive(true);
        let mut body = json!({ "scope": wish.scope });
        if let Some(account) = &wish.service_account {
            body["serviceAccount"] = account.as_str().into();
        }
        let lost = |e: reqwest::Error| AccessTokenError::Unreachable { cloud: self.cloud.clone(), why: chain(&e) };
        let mut answer = self.http.post(self.url.clone()).header(AUTHORIZATION, bearer).json(&body).send().await.map_err(lost)?;
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            text.extend_from_slice(&chunk);
            if text.len() > MAX_ANSWER_BYTES {
                return Err(self.unusable(format!("it has more than {MAX_ANSWER_BYTES} bytes")));
            }
        }
        if !answer.status().is_success() {
            return Ok(Err(Refusal(answer.status(), message(&String::from_utf8_lossy(&text)))));
        }
        // serde's own error would quote the token.
        let token = serde_json::from_slice(&text).map_err(|_| self.unusable("`access_token` or `expires_in` is missing".into()))?;
        Ok(Ok(token))
    }

    fn unusable(&self, why: String) -> AccessTokenError {
        AccessTokenError::Answer { cloud: self.cloud.clone(), why }
    }
}

/// An answer that is not 2xx.
struct Refusal(StatusCode, String);

impl From<Refusal> for AccessTokenError {
    fn from(Refusal(status, message): Refusal) -> Self {
        Self::Refused { status: status.as_u16(), message }
    }
}

/// `{cloud}/v1beta1/{device}:generateAccessToken`. A device's name is built of characters that a path may hold, but for
/// the per cent sign, which is encoded.
fn service_url(cloud: &Url, device: &str) -> Url {
    let mut url = cloud.clone();
    url.set_path(&format!("/v1beta1/{}:generateAccessToken", device.replace('%', "%25")));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_asked_about_the_device_by_its_name() {
        let cloud = Url::parse("https://c.example:8443").unwrap();
        let url = service_url(&cloud, "projects/p-1/locations/l/registries/reg/devices/dev%2");
        assert_eq!(
            url.as_str(),
            "https://c.example:8443/v1beta1/projects/p-1/locations/l/registries/reg/devices/dev%252:generateAccessToken"
        );
    }

    #[test]
    fn a_token_does_not_print() {
        let token: AccessToken = serde_json::from_str(r#"{"access_token":"s3cret","expires_in":3599}"#).unwrap();
        assert_eq!(format!("{token:?}"), "AccessToken { expires_in: 3599, .. }");
        assert_eq!(token.to_json()["access_token"], "s3cret");
    }
}
