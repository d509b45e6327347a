//! Who may act as a service account: the bindings of `roles/iam.workloadIdentityUser`.

use super::grant::Principal;

/// A service account and one member that may act as it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    account: String,
    member: String,
}

/// A member that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no member: expected `principal://POOL/subject/S`, `principalSet://POOL/attribute.NAME/VALUE`, `principalSet://POOL/*` or `serviceAccount:EMAIL`"
)]
pub struct BindingError(String);

impl Binding {
    /// `member` may act as `account`.
    pub fn new(account: &str, member: &str) -> Result<Self, BindingError> {
        let refused = || BindingError(member.to_owned());
        let pool_and_rest = |rest: &str| rest.find("/workloadIdentityPools/").is_some_and(|at| rest[at + 23..].contains('/'));
        let is_member = member.strip_prefix("principal://").is_some_and(|r| pool_and_rest(r) && r.contains("/subject/"))
            || member.strip_prefix("principalSet://").is_some_and(|r| pool_and_rest(r) && (r.ends_with("/*") || r.contains("/attribute.")))
            || member.strip_prefix("serviceAccount:").is_some_and(|email| email.contains('@'));
        if is_member { Ok(Self { account: account.to_owned(), member: member.to_owned() }) } else { Err(refused()) }
    }

    /// The account.
    pub(super) fn account(&self) -> &str {
        &self.account
    }

    /// Whether `principal` is the member, or one of it.
    pub(super) fn is_for(&self, principal: &Principal) -> bool {
        if self.member == principal.to_string() {
            return true;
        }
        let Principal::Federated { pool, attributes, .. } = principal else { return false };
        let Some(set) = self.member.strip_prefix("principalSet://").and_then(|m| m.strip_prefix(pool.as_str())) else { return false };
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
        let is_for = |member: &str| Binding::new("a@b.c", member).unwrap().is_for(&principal);
        assert!(is_for(&format!("principal://{POOL}/subject/7")));
        assert!(is_for(&format!("principalSet://{POOL}/attribute.registry/reg")) && is_for(&format!("principalSet://{POOL}/*")));
        for no in ["attribute.registry/re", "attribute.registry/regs", "attribute.device/reg"] {
            assert!(!is_for(&format!("principalSet://{POOL}/{no}")), "{no}");
        }
        assert!(!is_for(&format!("principalSet://{POOL}q/*")) && !is_for(&format!("principal://{POOL}/subject/77")));
        assert!(!is_for("serviceAccount:x@y.z"));
        for bad in ["", "user:x@y.z", "allUsers", "principal://x/subject/1", &format!("principalSet://{POOL}/group/x")] {
            assert!(Binding::new("a@b.c", bad).is_err(), "{bad}");
        }
    }
}
