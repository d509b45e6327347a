//! May the holder of a token do this? Scope first, then boundary, then policy, as at Google.

use super::Principal;
use super::SecurityTokenService;
use super::grant::Grant;

const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What somebody wants to do at one of Google's services.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The service, as in `pubsub.googleapis.com`.
    pub service: &'a str,
    /// OAuth scopes, one of which is enough.
    pub scopes: &'a [&'a str],
    /// The IAM permission, as in `pubsub.topics.publish`.
    pub permission: &'a str,
    /// On what: a full resource name.
    pub resource: &'a str,
}

/// Whether they may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// They may; here is what they hold.
    Allowed(Grant),
    /// Nobody we know: no token of ours, or it has expired.
    Unknown,
    /// Somebody we know, whose token was not made for this.
    OutOfScope,
    /// Somebody we know, who may not.
    Denied(Principal),
}

impl SecurityTokenService {
    /// Decides for the holder of `token`: one of ours, or a service account's self-signed JWT for the service.
    pub fn decide(&self, token: &str, ask: &Ask<'_>) -> Decision {
        let Some(grant) = self.holder(token, ask.service) else { return Decision::Unknown };
        if !grant.has_scope(ask.scopes) {
            return Decision::OutOfScope;
        }
        if self.allows(&grant.principal, ask.permission, ask.resource) {
            Decision::Allowed(grant)
        } else {
            Decision::Denied(grant.principal)
        }
    }

    /// Whether the policy gives `principal` this permission on `resource`, a full resource name.
    pub fn allows(&self, principal: &Principal, permission: &str, resource: &str) -> bool {
        self.policy.allows(principal, permission, resource)
    }

    /// What `token` opens at `service`, as in `pubsub.googleapis.com`; `None` when it is nobody's we know. A self-signed JWT
    /// whose audience is the service opens all of it; one without audience, what its own scopes say.
    pub fn holder(&self, token: &str, service: &str) -> Option<Grant> {
        if let Some(grant) = self.check(token) {
            return Some(grant);
        }
        let said = self.accounts.as_ref()?.verify(token, self.now()).ok()?;
        let scope = match &said.audience {
            Some(audience) if audience.trim_end_matches('/').strip_prefix("https://") == Some(service) => CLOUD_PLATFORM.to_owned(),
            Some(_) => return None,
            None => said.scope?,
        };
        Some(Grant { principal: Principal::ServiceAccount(said.account), scope, expires_at: said.expires_at, boundary: None })
    }
}
