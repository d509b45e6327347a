//! The use case: a device that proved itself gets an access token.

use std::sync::Arc;
use std::time::Duration;

use domain::token::{AccessToken, Issued, Scope, ServiceAccount};
use domain::{Device, Registry, VerifiedDevice};
use futures_util::FutureExt as _;

use crate::cache::Key;
use crate::remember::remember;
use crate::{Deps, ExchangeError, bounds, subject};

/// The scope of a federated token that is only used to impersonate: all that IAM Credentials asks for.
const IMPERSONATE_SCOPE: &str = "https://www.googleapis.com/auth/iam";

/// A device that proved itself, and its registry.
pub(crate) struct Admitted {
    pub(crate) device: VerifiedDevice,
    pub(crate) registry: Registry,
}

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

/// An access token for the device, from the cache or from the issuer.
pub(crate) async fn exchange(deps: &Arc<Deps>, admitted: &Admitted, wish: Wish) -> Result<Granted, ExchangeError> {
    let (device, registry) = (admitted.device.device(), &admitted.registry);
    if let Some(account) = &wish.account
        && !device.may_act_as(account, registry)
        && !deps.impersonation.allows(&device.key, account)
    {
        return Err(ExchangeError::NotAllowed { device: device.key.clone(), account: account.clone() });
    }
    let folders = bounds::folders(device, registry, &wish.scope)?;
    // The number, not the name: a device that was deleted and created anew is another one.
    let key = Key { device: device.num_id, scope: wish.scope, account: wish.account, folders };
    let flight = || {
        let (deps, device, key) = (deps.clone(), device.clone(), key.clone());
        async move { give(&deps, &device, &key).await }.boxed()
    };
    let token = deps.cache.get(&key, &*deps.clock, &deps.random, flight).await?;
    let lives = token.expires_at.since(deps.now());
    Ok(Granted { token, lives })
}

/// A new token, and a record of whose it is.
async fn give(deps: &Deps, device: &Device, key: &Key) -> Result<AccessToken, ExchangeError> {
    let token = issue(deps, device, key).await?;
    remember(deps, device, &key.scope, &token).await?;
    Ok(token)
}

/// Fetches a new token: one call to the issuer, one more for a service account, one more for bounds.
async fn issue(deps: &Deps, device: &Device, key: &Key) -> Result<AccessToken, ExchangeError> {
    let subject = subject::mint(deps, device).await?;
    let wide = match &key.account {
        None => answered(deps.issuer.exchange(&subject, &key.scope).await?)?,
        Some(account) => {
            let federated_scope = IMPERSONATE_SCOPE.parse().map_err(|e| ExchangeError::Scope { why: format!("{e}") })?;
            let federated = answered(deps.issuer.exchange(&subject, &federated_scope).await?)?;
            answered(deps.issuer.impersonate(&federated, account, &key.scope).await?)?
        }
    };
    // What is not held to its bounds leaves this function nowhere.
    if key.folders.is_empty() { Ok(wide) } else { answered(deps.issuer.downscope(&wide, &key.folders).await?) }
}

fn answered(issued: Issued) -> Result<AccessToken, ExchangeError> {
    match issued {
        Issued::Token(token) => Ok(token),
        Issued::Refused { code, why } if code == "invalid_scope" => Err(ExchangeError::Scope { why }),
        Issued::Refused { code, why } => Err(ExchangeError::Refused { code, why }),
        Issued::Busy { retry_after } => Err(ExchangeError::Busy { retry_after }),
    }
}
