//! What the stand-in's tokens open on one machine beside the token service itself, and who may: Pub/Sub, Cloud Storage and
//! the registry's own API under one IAM policy (docs/adr/0008-local-iam.md).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use domain::ports::Stores;
use domain::token::ServiceAccount;
use domain::{PortError, iam};
use edge::{AdminAuth, Authority, Bearer, Verdict};
use infra_local::security_token_service::{Binding, Policy, PolicyError, ServiceAccounts, policy};
use infra_local::{GoogleApis, SecurityTokenService};
use protocol::ProjectId;

use crate::connect::Ports;
use crate::tokens::{TokenConfig, TokenConfigError};

const SERVICE: &str = "cloudiot.googleapis.com";
const SCOPES: [&str; 2] = ["https://www.googleapis.com/auth/cloudiot", "https://www.googleapis.com/auth/cloud-platform"];

/// What the stand-in is told of IAM.
#[derive(Debug, Clone, Default)]
pub struct LocalIam {
    /// Whose the buckets are, and what a policy without a resource is for.
    pub project: Option<ProjectId>,
    /// The policy, a JSON file; without, `default_policy`.
    pub policy: Option<PathBuf>,
    /// Folder of public keys of service accounts; without, nobody signs for itself.
    pub service_accounts: Option<PathBuf>,
}

/// Why there is no IAM policy.
#[derive(Debug, thiserror::Error)]
pub enum LocalIamError {
    /// The file cannot be read.
    #[error("--iam-policy {}: {source}", .file.display())]
    Unread {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no policy.
    #[error("--iam-policy {}: {source}", .file.display())]
    Policy {
        /// Which.
        file: PathBuf,
        /// Why.
        source: PolicyError,
    },
    /// The folder of keys cannot be used.
    #[error("--service-accounts {}: {source}", .folder.display())]
    Accounts {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl LocalIam {
    /// The service accounts that sign for themselves.
    pub(crate) fn accounts(&self) -> Result<Option<ServiceAccounts>, LocalIamError> {
        let open =
            |folder: &PathBuf| ServiceAccounts::open(folder).map_err(|source| LocalIamError::Accounts { folder: folder.clone(), source });
        self.service_accounts.as_ref().map(open).transpose()
    }

    /// The policy of an installation that listens at `http`, whose devices are in `pool`.
    pub(crate) fn policy(&self, config: &TokenConfig, http: SocketAddr, pool: &str) -> Result<Policy, TokenConfigError> {
        let empty = self.project.as_ref().map(Policy::of_project).unwrap_or_default();
        if let Some(file) = &self.policy {
            let json = std::fs::read_to_string(file).map_err(|source| LocalIamError::Unread { file: file.clone(), source })?;
            return Ok(empty.and_read(&json).map_err(|source| LocalIamError::Policy { file: file.clone(), source })?);
        }
        // Who is reached from elsewhere says himself who may what.
        match &self.project {
            Some(project) if http.ip().is_loopback() && config.issuer.is_none() => {
                let accounts = config.impersonation.allowances().map(|(_, account)| account);
                Ok(default_policy(empty, project, pool, accounts)?)
            }
            _ => Ok(empty),
        }
    }
}

/// What holds on a laptop without a policy: devices publish, and keep files; they may act as `operator@{project}.iam.gserviceaccount.com`;
/// this account and those of `--impersonate` may send commands and configurations.
fn default_policy<'a>(
    empty: Policy,
    project: &ProjectId,
    pool: &str,
    accounts: impl Iterator<Item = &'a ServiceAccount>,
) -> Result<Policy, PolicyError> {
    let (devices, here) = (format!("principalSet://{pool}/*"), policy::project(project.as_str()));
    let operator = format!("operator@{project}.iam.gserviceaccount.com");
    let mut policy = empty
        .and(Binding::grant("roles/pubsub.publisher", &devices, &here)?)
        .and(Binding::grant("roles/storage.objectAdmin", &devices, &here)?)
        .and(Binding::new(&operator, &devices)?);
    for account in accounts.map(ServiceAccount::to_string).chain([operator]) {
        policy = policy.and(Binding::grant("roles/cloudiot.deviceController", &format!("serviceAccount:{account}"), &here)?);
    }
    Ok(policy)
}

/// The registry's API asks the stand-in's policy, and those that were set by `setIamPolicy`.
struct LocalAuthority {
    sts: Arc<SecurityTokenService>,
    stores: Stores,
    /// The project, as a full resource name: what the installation as a whole is.
    installation: String,
}

#[async_trait]
impl Authority for LocalAuthority {
    async fn held(&self, token: &Bearer, permissions: &[&'static str], resource: &str) -> Result<Verdict, PortError> {
        let Some(grant) = self.sts.holder(token.token(), SERVICE) else { return Ok(Verdict::Unknown) };
        if !grant.has_scope(&SCOPES) {
            return Ok(Verdict::OutOfScope);
        }
        let full = format!("//{SERVICE}/{resource}");
        let in_full = if resource.is_empty() { &self.installation } else { &full };
        let (mut held, rest): (Vec<_>, Vec<_>) = permissions.iter().partition(|p| self.sts.allows(&grant.principal, p, in_full));
        if !rest.is_empty() {
            held.extend(iam::granted(&self.stores, &grant.principal, &rest, resource).await?);
        }
        Ok(Verdict::Known(held))
    }
}

/// `admin`, or also by a token of the stand-in where there is one.
pub(crate) fn admin(admin: AdminAuth, stand_in: Option<&Arc<SecurityTokenService>>, config: &TokenConfig, stores: &Stores) -> AdminAuth {
    match (admin, stand_in) {
        (AdminAuth::Token(token), Some(sts)) => {
            let installation = config.local.project.as_ref().map(|p| policy::project(p.as_str())).unwrap_or_default();
            AdminAuth::Iam(token, Arc::new(LocalAuthority { sts: sts.clone(), stores: stores.clone(), installation }))
        }
        (admin, _) => admin,
    }
}

/// The stand-in's paths, those that its tokens open, and for whoever administers, the faults that it can be asked for.
pub(crate) fn routes(sts: &Arc<SecurityTokenService>, ports: &Ports, admin: Option<&AdminAuth>) -> Router {
    let apis = ports.publisher.clone().map(|publisher| GoogleApis {
        access: sts.clone(),
        publisher,
        topics: ports.topic_log.clone(),
        objects: ports.folder.clone(),
    });
    let operator = admin.map(|admin| admin.clone().guard(sts.clone().operator_routes()));
    let apis = apis.map(GoogleApis::routes);
    sts.clone().routes().merge(apis.unwrap_or_default()).merge(operator.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{Giver, SigningKeysAt};
    use infra_local::security_token_service::Principal;

    const POOL: &str = "iam.googleapis.com/projects/0/locations/global/workloadIdentityPools/drawbridge";

    #[test]
    fn only_who_is_reached_from_this_machine_alone_has_a_default() {
        let device = Principal::Federated { pool: POOL.into(), subject: "7".into(), attributes: Default::default() };
        let publishes = |http: &str, issuer: Option<&str>, project: Option<&str>| {
            let config = TokenConfig {
                issuer: issuer.map(|url| url.parse().unwrap()),
                giver: Giver::Local,
                impersonation: "".parse().unwrap(),
                signing_keys: SigningKeysAt::default(),
                local: LocalIam { project: project.map(|p| p.parse().unwrap()), ..LocalIam::default() },
            };
            let policy = config.local.policy(&config, http.parse().unwrap(), POOL).unwrap();
            policy.allows(&device, "pubsub.topics.publish", &policy::topic("local", "events"))
        };
        assert!(publishes("127.0.0.1:8080", None, Some("local")) && publishes("[::1]:8080", None, Some("local")));
        assert!(!publishes("0.0.0.0:8080", None, Some("local")) && !publishes("192.0.2.7:8080", None, Some("local")));
        assert!(!publishes("127.0.0.1:8080", Some("https://tokens.example.com"), Some("local")), "behind a proxy");
        assert!(!publishes("127.0.0.1:8080", None, None) && !publishes("127.0.0.1:8080", None, Some("other")));
    }
}
