//! The stand-in for Google's token services at our own address.

use std::net::SocketAddr;
use std::sync::Arc;

use infra_local::SecurityTokenService;
use infra_local::security_token_service::{Binding, Provider};
use token_exchange::IssuerUrl;

use super::{TokenConfig, TokenConfigError, reachable};
use crate::connect::Ports;

/// The provider of the stand-in.
pub(super) const PROVIDER: &str = "//iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge/providers/devices";

/// Whoever may act as an account by our list may do so at the stand-in; at Google, IAM says.
pub(super) fn make(
    config: &TokenConfig,
    issuer: &IssuerUrl,
    http: SocketAddr,
    ports: &Ports,
) -> Result<Arc<SecurityTokenService>, TokenConfigError> {
    let provider = Provider::new(PROVIDER, issuer.as_str(), &Provider::DEVICE_MAPPING, "")?;
    let member = |name: &str| {
        let (kind, id) = match name.rsplit_once("/devices/") {
            Some((_, device)) => ("device", device),
            None => ("registry", name.rsplit('/').next().unwrap_or_default()),
        };
        format!("principalSet://{}/attribute.{kind}/{id}", provider.pool())
    };
    let mut policy = config.local.policy(config, http, provider.pool())?;
    for (name, account) in config.impersonation.allowances() {
        policy = policy.and(Binding::new(account.as_str(), &member(name))?);
    }
    let (accounts, base) = (config.local.accounts()?, format!("http://{}", reachable(http)));
    Ok(SecurityTokenService::with_accounts(provider, policy, accounts, base, ports.clock.clone())?)
}
