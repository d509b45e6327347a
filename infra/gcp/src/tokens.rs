//! # Access tokens from Google
//!
//! A subject token of ours becomes a federated token at the Security Token Service, and a federated token a service
//! account's at IAM Credentials, over one pooled client; a token that opens Cloud Storage is exchanged once more for one
//! behind a Credential Access Boundary.
//!
//! Promise: an answer within 15 seconds. A request is sent again only after 408, 429, 5xx or no answer at all, at most
//! [`ATTEMPTS`] times, and not before the server's `Retry-After`; 400, 401, 403 and 404 are its word and stand.
//! A service that stays busy is left alone by all requests until its `Retry-After` is over, five minutes at most.
//! Bounds: nothing is kept here; callers cache and share requests. Google allows 6,000 exchanges a minute and project.
//! Source: docs.cloud.google.com/iam/docs/reference/sts/rest and …/credentials/rest.

mod answer;
mod boundary;
mod gate;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::PortError;
use domain::objects::Folder;
use domain::ports::{Clock, TokenIssuer};
use domain::token::{AccessToken, Issued, Scope, Secret, ServiceAccount};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use serde_json::json;

use self::gate::Gate;

pub use self::retry::ATTEMPTS;

/// How long one attempt may take: Google answers in 50 to 300 ms.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(4);
/// Connections kept for the next request: what a burst of a busy instance uses.
const IDLE_CONNECTIONS: usize = 32;
/// The life we ask for a service account's token: the longest that needs no organisation policy.
const LIFETIME: &str = "3600s";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// How Google's own examples send a boundary; a nested JSON text would be escaped twice.
const FORM: &str = "application/x-www-form-urlencoded";
/// What stands before a path segment of IAM Credentials.
const ACCOUNTS: &str = "/v1/projects/-/serviceAccounts/";

/// Where the two services are, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenEndpoints {
    /// The Security Token Service.
    pub sts: String,
    /// IAM Credentials.
    pub iam_credentials: String,
}

impl TokenEndpoints {
    /// Google's own.
    pub fn google() -> Self {
        Self { sts: "https://sts.googleapis.com".into(), iam_credentials: "https://iamcredentials.googleapis.com".into() }
    }
    /// Both at one address: a stand-in.
    pub fn at(url: &str) -> Self {
        Self { sts: url.to_owned(), iam_credentials: url.to_owned() }
    }
    fn is_plain(&self) -> bool {
        [&self.sts, &self.iam_credentials].iter().all(|url| url.starts_with("http://"))
    }
}

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// No name of a provider.
    #[error(
        "`{0}` is no workload identity pool provider: expected `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`"
    )]
    Provider(String),
    /// The HTTP client, most often for want of root certificates.
    #[error("HTTP client for Google's token services: {0}: are root certificates installed (ca-certificates)?")]
    Client(reqwest::Error),
}

/// Whether `name` has the shape of a provider's full resource name.
pub fn check_provider(name: &str) -> Result<(), TokensError> {
    let parts: Vec<_> = name.split('/').collect();
    match parts[..] {
        ["", "", "iam.googleapis.com", "projects", p, "locations", "global", "workloadIdentityPools", w, "providers", v]
            if [p, w, v].iter().all(|part| !part.is_empty()) =>
        {
            Ok(())
        }
        _ => Err(TokensError::Provider(name.chars().take(256).collect())),
    }
}

/// Google's token services.
pub struct GoogleTokens {
    http: reqwest::Client,
    endpoints: TokenEndpoints,
    provider: String,
    audience: String,
    clock: Arc<dyn Clock>,
    sts: Gate,
    iam_credentials: Gate,
}

impl GoogleTokens {
    /// A client for the provider with this full resource name, `//iam.googleapis.com/projects/…/providers/…`. Its subject
    /// tokens are for `https:` and that name, which is what a provider without allowed audiences expects.
    pub fn new(provider: &str, endpoints: TokenEndpoints, clock: Arc<dyn Clock>) -> Result<Self, TokensError> {
        check_provider(provider)?;
        // A token sent on to where a redirect points would be out of our hands.
        let builder = reqwest::Client::builder().timeout(ATTEMPT_LIMIT).redirect(Policy::none()).pool_max_idle_per_host(IDLE_CONNECTIONS);
        // Reading the system's roots takes 50 ms, and fails where there are none; without TLS nobody needs them.
        let builder = if endpoints.is_plain() { builder.tls_certs_only([]) } else { builder };
        let http = builder.build().map_err(TokensError::Client)?;
        let (provider, audience) = (provider.to_owned(), format!("https:{provider}"));
        Ok(Self { http, endpoints, provider, audience, clock, sts: Gate::default(), iam_credentials: Gate::default() })
    }

    /// Requests sent again since the start, and requests not sent because the service had said it is busy.
    pub fn counters(&self) -> (u64, u64) {
        let ((sts, sts_away), (iam, iam_away)) = (self.sts.counts(), self.iam_credentials.counts());
        (sts + iam, sts_away + iam_away)
    }
}

#[async_trait]
impl TokenIssuer for GoogleTokens {
    fn audience(&self) -> &str {
        &self.audience
    }

    async fn exchange(&self, subject: &Secret, scope: &Scope) -> Result<Issued, PortError> {
        let body = json!({
            "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": self.provider,
            "scope": scope.as_str(),
            "requestedTokenType": ACCESS_TOKEN,
            "subjectTokenType": "urn:ietf:params:oauth:token-type:jwt",
            "subjectToken": subject.reveal(),
        });
        let url = format!("{}/v1/token", self.endpoints.sts);
        let sent = self.sts.send(|| self.http.post(&url).json(&body)).await?;
        answer::federated(sent, self.clock.now())
    }

    async fn downscope(&self, token: &AccessToken, folders: &[Folder]) -> Result<Issued, PortError> {
        let options = match boundary::options(folders) {
            Ok(options) => options,
            Err(why) => return Ok(Issued::Refused { code: "invalid_request".into(), why }),
        };
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("requested_token_type", ACCESS_TOKEN)
            .append_pair("subject_token_type", ACCESS_TOKEN)
            .append_pair("subject_token", token.secret.reveal())
            .append_pair("options", &options)
            .finish();
        let url = format!("{}/v1/token", self.endpoints.sts);
        let sent = self.sts.send(|| self.http.post(&url).header(CONTENT_TYPE, FORM).body(body.clone())).await?;
        answer::downscoped(sent, token.expires_at)
    }

    async fn impersonate(&self, federated: &AccessToken, account: &ServiceAccount, scope: &Scope) -> Result<Issued, PortError> {
        let body = json!({ "scope": scope.parts().collect::<Vec<_>>(), "lifetime": LIFETIME });
        let url = format!("{}{ACCOUNTS}{account}:generateAccessToken", self.endpoints.iam_credentials);
        let sent = self.iam_credentials.send(|| self.http.post(&url).bearer_auth(federated.secret.reveal()).json(&body)).await?;
        answer::impersonated(sent)
    }
}
