//! # A stand-in for Google's token services
//!
//! For one machine: `drawbridge up` and tests exchange tokens without a cloud account. It really verifies what Google
//! verifies: issuer, audience, signature by the issuer's JWK set (fetched over HTTP by discovery), dates, attribute
//! mapping and condition, who may impersonate whom, and Credential Access Boundaries ([`Grant::allows_object`]). It can be told to refuse, throttle and stall ([`Fault`]).
//!
//! | path | stands for |
//! | --- | --- |
//! | `POST /v1/token` | `sts.googleapis.com`: form in snake_case or JSON in camelCase |
//! | `POST /v1/projects/-/serviceAccounts/{email}:generateAccessToken` | `iamcredentials.googleapis.com` |
//! | `POST /oauth2/token` | `oauth2.googleapis.com/token`: a service account's signed JWT for an access token |
//! | `GET /tokeninfo?access_token=…` | `oauth2.googleapis.com`: what a token of ours opens |
//! | `/v1/tokenServiceFaults` | nothing: where an operator asks for faults ([`SecurityTokenService::operator_routes`]) |
//!
//! Its tokens open nothing at Google, and count until they expire or this process ends: the key they are signed with
//! is made at the start. What they open here says the [`policy`]; whoever serves something asks [`SecurityTokenService::decide`].

mod boundary;
mod decide;
pub(crate) mod error;
mod exchange;
mod expression;
mod faults;
mod grant;
pub(crate) mod impersonate;
mod issuer_keys;
mod oauth;
mod operator;
pub mod policy;
mod provider;
mod service_accounts;
mod tokeninfo;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use domain::Timestamp;
use domain::ports::Clock;

use self::faults::Faults;
use self::grant::GrantKey;
use self::issuer_keys::IssuerKeys;

pub use domain::iam::Principal;

pub use self::boundary::Boundary;
pub use self::decide::{Ask, Decision};
pub use self::expression::ExpressionError;
pub use self::faults::Fault;
pub use self::grant::Grant;
pub use self::policy::{Binding, Policy, PolicyError};
pub use self::provider::{Provider, ProviderError};
pub use self::service_accounts::ServiceAccounts;

/// Longest life of a token: an hour, as at Google.
const MAX_LIFE_SECS: i64 = 3600;
/// Largest body: Google's tokens have at most 12 KiB.
const BODY_LIMIT: usize = 64 * 1024;

/// The stand-in. Cheap to share.
pub struct SecurityTokenService {
    provider: Provider,
    policy: Policy,
    accounts: Option<ServiceAccounts>,
    /// Where this is served, as in `http://127.0.0.1:8080`.
    base: String,
    clock: Arc<dyn Clock>,
    issuer_keys: IssuerKeys,
    grants: GrantKey,
    faults: Faults,
}

/// Why the stand-in could not be made.
#[derive(Debug, thiserror::Error)]
#[error("stand-in for Google's token services: {0}")]
pub struct SetUpError(String);

impl SecurityTokenService {
    /// A stand-in with one provider, and the policy that says who may do what with its tokens.
    pub fn new(provider: Provider, policy: impl Into<Policy>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, SetUpError> {
        Self::with_accounts(provider, policy, None, String::new(), clock)
    }

    /// The same, which also knows service accounts. It is served at `base`, as in `http://127.0.0.1:8080`: with `/oauth2/token`
    /// the audience of what they sign for tokens.
    pub fn with_accounts(
        provider: Provider,
        policy: impl Into<Policy>,
        accounts: Option<ServiceAccounts>,
        base: String,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, SetUpError> {
        let failed = |e: String| SetUpError(e);
        let issuer_keys = IssuerKeys::new(provider.issuer()).map_err(|e| failed(e.to_string()))?;
        let grants = GrantKey::make().map_err(failed)?;
        let policy = policy.into();
        Ok(Arc::new(Self { provider, policy, accounts, base, clock, issuer_keys, grants, faults: Faults::default() }))
    }

    /// The next `times` requests to STS or IAM Credentials end in `fault`. At most 1,000 are kept; more are ignored.
    pub fn inject(&self, fault: Fault, times: usize) {
        self.faults.inject(fault, times);
    }

    /// Requests to STS and to IAM Credentials so far, those that ended in a fault included.
    pub fn requests(&self) -> (u64, u64) {
        self.faults.requests()
    }

    /// What `token` opens; `None` when it is none of ours or has expired.
    pub fn check(&self, token: &str) -> Option<Grant> {
        self.grants.open(token).filter(|grant| self.now() < grant.expires_at)
    }

    /// Where this is served, as in `http://127.0.0.1:8080`; empty when it was not told.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The four paths. Good alone and below `edge::google_paths`, which turns `X:verb` into `X/~verb`.
    pub fn routes(self: Arc<Self>) -> Router {
        Router::new()
            .route("/v1/token", post(exchange::token))
            .route("/v1/projects/-/serviceAccounts/{*call}", post(impersonate::generate_access_token))
            .route(oauth::PATH, post(oauth::token))
            .route("/tokeninfo", get(tokeninfo::tokeninfo))
            .with_state(self)
    }
}
