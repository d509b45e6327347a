//! Whom a policy names, as IAM writes it, and who calls.
//!
//! | member | who it is here |
//! | --- | --- |
//! | `serviceAccount:EMAIL` | that service account |
//! | `principal://POOL/subject/S` | the one device with that number |
//! | `principalSet://POOL/attribute.NAME/VALUE`, `principalSet://POOL/*` | devices |
//! | `allAuthenticatedUsers` | every service account; no device, as at Google, where those of workload identity pools are none |
//! | `user:EMAIL`, `group:EMAIL` | nobody: no person proves itself here. Kept, for a policy that is taken along |
//!
//! `domain:`, `allUsers` and all else are refused. Source: cloud.google.com/iam/docs/principal-identifiers.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::token::ServiceAccount;

/// Longest name of a member: above what a pool's longest attribute (100 bytes) with its longest value (127) makes.
pub const MAX_MEMBER_BYTES: usize = 512;

const POOLS: &str = "/workloadIdentityPools/";
const ALL_AUTHENTICATED: &str = "allAuthenticatedUsers";

/// Who holds a token, or signed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Principal {
    /// Somebody from a workload identity pool.
    Federated {
        /// `iam.googleapis.com/projects/…/workloadIdentityPools/POOL`.
        pool: String,
        /// `google.subject`.
        subject: String,
        /// By name, as in `attribute.registry`.
        attributes: BTreeMap<String, String>,
    },
    /// A service account, by its address.
    ServiceAccount(String),
}

/// As IAM writes it: `principal://…/subject/S`, `serviceAccount:EMAIL`.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Federated { pool, subject, .. } => write!(f, "principal://{pool}/subject/{subject}"),
            Self::ServiceAccount(email) => write!(f, "serviceAccount:{email}"),
        }
    }
}

/// A principal, or a set of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Member(String);

impl Member {
    /// As IAM writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether anybody can prove to be it: a person cannot.
    pub fn is_provable(&self) -> bool {
        !self.0.starts_with("user:") && !self.0.starts_with("group:")
    }

    /// Whether `principal` is it, or one of it.
    pub fn is(&self, principal: &Principal) -> bool {
        match principal {
            Principal::ServiceAccount(_) if self.0 == ALL_AUTHENTICATED => true,
            Principal::Federated { pool, attributes, .. } if self.0.starts_with("principalSet://") => {
                let Some(set) = self.0.strip_prefix("principalSet://").and_then(|m| m.strip_prefix(pool.as_str())) else { return false };
                set == "/*" || attributes.iter().any(|(name, value)| set == format!("/{name}/{value}"))
            }
            one => self.0 == one.to_string(),
        }
    }
}

fn is_member(text: &str) -> bool {
    let is_in_pool = |rest: &str| rest.split_once(POOLS).is_some_and(|(_, pool)| pool.contains('/'));
    let is_address =
        |text: &str| text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'));
    let is_person = |text: &str| is_address(text) && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    match text.split_once(':') {
        Some(("principal", rest)) => rest.starts_with("//") && is_in_pool(rest) && rest.contains("/subject/"),
        Some(("principalSet", rest)) => {
            rest.starts_with("//") && is_in_pool(rest) && (rest.ends_with("/*") || rest.contains("/attribute."))
        }
        Some(("serviceAccount", email)) => email.parse::<ServiceAccount>().is_ok(),
        Some(("user" | "group", email)) => is_person(email),
        _ => text == ALL_AUTHENTICATED,
    }
}

impl FromStr for Member {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        if s.len() > MAX_MEMBER_BYTES {
            return Err(format!("a member of {} bytes exceeds the limit of {MAX_MEMBER_BYTES}", s.len()));
        }
        is_member(s).then(|| Self(s.to_owned())).ok_or_else(|| {
            let shown: String = s.chars().take(128).flat_map(char::escape_debug).collect();
            format!(
                "`{shown}` cannot be a member: expected `serviceAccount:EMAIL`, `principal://POOL/subject/S`, `principalSet://POOL/attribute.NAME/VALUE`, `principalSet://POOL/*`, `allAuthenticatedUsers`, or `user:EMAIL` and `group:EMAIL`, which are kept and grant nothing"
            )
        })
    }
}

impl TryFrom<String> for Member {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Member> for String {
    fn from(member: Member) -> Self {
        member.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p";

    fn member(text: &str) -> Member {
        text.parse().unwrap()
    }

    #[test]
    fn members_are_compared_whole() {
        let attributes = [("attribute.registry".to_owned(), "reg".to_owned())].into();
        let device = Principal::Federated { pool: POOL.into(), subject: "7".into(), attributes };
        let is = |text: &str| member(text).is(&device);
        assert!(is(&format!("principal://{POOL}/subject/7")));
        assert!(is(&format!("principalSet://{POOL}/attribute.registry/reg")) && is(&format!("principalSet://{POOL}/*")));
        for no in ["attribute.registry/re", "attribute.registry/regs", "attribute.device/reg"] {
            assert!(!is(&format!("principalSet://{POOL}/{no}")), "{no}");
        }
        assert!(!is(&format!("principalSet://{POOL}q/*")) && !is(&format!("principal://{POOL}/subject/77")));
        assert!(!is("serviceAccount:x@y.z") && !is("allAuthenticatedUsers"));
    }

    #[test]
    fn all_authenticated_users_are_the_service_accounts_and_a_person_is_nobody() {
        let account = Principal::ServiceAccount("a@b.com".into());
        assert!(member("allAuthenticatedUsers").is(&account) && member("serviceAccount:a@b.com").is(&account));
        for other in ["user:a@b.com", "group:a@b.com", "serviceAccount:aa@b.com"] {
            assert!(!member(other).is(&account), "{other}");
        }
        let provable =
            ["user:a@b.com", "group:a@b.com", "serviceAccount:a@b.com", "allAuthenticatedUsers"].map(|m| member(m).is_provable());
        assert_eq!(provable, [false, false, true, true]);
    }

    #[test]
    fn what_is_no_member_here_is_refused_with_what_is() {
        let long = format!("user:a@{}.com", "b".repeat(MAX_MEMBER_BYTES));
        for bad in [
            "",
            "allUsers",
            "domain:example.com",
            "deleted:serviceAccount:a@b.com?uid=1",
            "projectOwner:p",
            "serviceAccount:",
            "serviceAccount:p.svc.id.goog[ns/sa]",
            "user:a",
            "user:a b@c.com",
            "group:@c.com",
            "principal://x/subject/1",
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/group/x",
            long.as_str(),
        ] {
            let refused = bad.parse::<Member>().unwrap_err();
            assert!(
                refused.contains("cannot be a member: expected `serviceAccount:EMAIL`") || refused.contains("the limit of 512"),
                "{refused}"
            );
        }
    }
}
