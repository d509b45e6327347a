//! Members of a binding, as IAM writes them.

use super::PolicyError;
use crate::security_token_service::grant::Principal;

const POOLS: &str = "/workloadIdentityPools/";

/// A principal, or a set of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member(String);

impl Member {
    pub(super) fn read(text: &str) -> Result<Self, PolicyError> {
        let is_in_pool = |rest: &str| rest.split_once(POOLS).is_some_and(|(_, pool)| pool.contains('/'));
        let is_member = text.strip_prefix("principal://").is_some_and(|r| is_in_pool(r) && r.contains("/subject/"))
            || text.strip_prefix("principalSet://").is_some_and(|r| is_in_pool(r) && (r.ends_with("/*") || r.contains("/attribute.")))
            || text.strip_prefix("serviceAccount:").is_some_and(|email| email.contains('@'));
        if is_member { Ok(Self(text.to_owned())) } else { Err(PolicyError::Member(text.to_owned())) }
    }

    /// Whether `principal` is it, or one of it.
    pub(super) fn is(&self, principal: &Principal) -> bool {
        if self.0 == principal.to_string() {
            return true;
        }
        let Principal::Federated { pool, attributes, .. } = principal else { return false };
        let Some(set) = self.0.strip_prefix("principalSet://").and_then(|m| m.strip_prefix(pool.as_str())) else { return false };
        set == "/*" || attributes.iter().any(|(name, value)| set == format!("/{name}/{value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p";

    #[test]
    fn members_are_compared_whole() {
        let attributes = [("attribute.registry".to_owned(), "reg".to_owned())].into();
        let principal = Principal::Federated { pool: POOL.into(), subject: "7".into(), attributes };
        let is = |member: &str| Member::read(member).unwrap().is(&principal);
        assert!(is(&format!("principal://{POOL}/subject/7")));
        assert!(is(&format!("principalSet://{POOL}/attribute.registry/reg")) && is(&format!("principalSet://{POOL}/*")));
        for no in ["attribute.registry/re", "attribute.registry/regs", "attribute.device/reg"] {
            assert!(!is(&format!("principalSet://{POOL}/{no}")), "{no}");
        }
        assert!(!is(&format!("principalSet://{POOL}q/*")) && !is(&format!("principal://{POOL}/subject/77")));
        assert!(!is("serviceAccount:x@y.z"));
        for bad in ["", "user:x@y.z", "allUsers", "principal://x/subject/1", &format!("principalSet://{POOL}/group/x")] {
            assert!(Member::read(bad).is_err(), "{bad}");
        }
    }
}
