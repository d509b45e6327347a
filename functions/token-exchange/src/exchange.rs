//! The use case: a device that proved itself gets an access token.

use std::time::Duration;

use domain::token::{AccessToken, Issued, Scope, ServiceAccount};
use domain::{Device, VerifiedDevice};
use futures_util::FutureExt as _;

use crate::cache::Key;
use crate::{Deps, ExchangeError, subject};

/// The scope of a federated token that is only used to impersonate: all that IAM Credentials asks for.
const IMPERSONATE_SCOPE: &str = "https://www.googleapis.com/auth/iam";

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// What the token shall open.
    pub(crate) scope: Scope,
    /// As whom; `None` as the device itself.
    pub(crate) account: Option<ServiceAccount>,
}

/// An access token, and how long it still lives.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    pub(crate) token: AccessToken,
    pub(crate) lives: Duration,
}

/// An access token for `device`, from the cache or from the issuer.
pub(crate) async fn exchange(deps: &Deps, device: &VerifiedDevice, wish: Wish) -> Result<Granted, ExchangeError> {
    if let Some(account) = &wish.account
        && !deps.impersonation.allows(device.key(), account)
    {
        return Err(ExchangeError::NotAllowed { device: device.key().clone(), account: account.clone() });
    }
    // The number, not the name: a device that was deleted and created anew is another one.
    let key = Key { device: device.device().num_id, scope: wish.scope.clone(), account: wish.account.clone() };
    let flight = || {
        let (deps, device) = (deps.clone(), device.device().clone());
        async move { issue(&deps, &device, wish).await }.boxed()
    };
    let token = deps.cache.get(key, &*deps.clock, &deps.random, flight).await?;
    let lives = token.expires_at.since(deps.now());
    Ok(Granted { token, lives })
}

/// Fetches a new token: one call to the issuer, two for a service account.
async fn issue(deps: &Deps, device: &Device, wish: Wish) -> Result<AccessToken, ExchangeError> {
    let subject = subject::mint(deps, device).await?;
    let Some(account) = wish.account else {
        return answered(deps.issuer.exchange(&subject, &wish.scope).await?);
    };
    let federated_scope = IMPERSONATE_SCOPE.parse().map_err(|e| ExchangeError::Scope { why: format!("{e}") })?;
    let federated = answered(deps.issuer.exchange(&subject, &federated_scope).await?)?;
    answered(deps.issuer.impersonate(&federated, &account, &wish.scope).await?)
}

fn answered(issued: Issued) -> Result<AccessToken, ExchangeError> {
    match issued {
        Issued::Token(token) => Ok(token),
        Issued::Refused { code, why } if code == "invalid_scope" => Err(ExchangeError::Scope { why }),
        Issued::Refused { code, why } => Err(ExchangeError::Refused { code, why }),
        Issued::Busy { retry_after } => Err(ExchangeError::Busy { retry_after }),
    }
}
