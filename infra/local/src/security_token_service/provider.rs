//! A workload identity pool provider: whom it trusts, and what becomes of a token's claims.

use domain::Timestamp;
use serde_json::Value;

use super::Principal;
use super::error::OAuth;
use super::expression::{Condition, ExpressionError, Mapped, Operand};

/// Google's limit on `google.subject`.
const MAX_SUBJECT_BYTES: usize = 127;
/// `exp - iat` of a subject token must be below 48 hours.
const MAX_SUBJECT_LIFE_SECS: i64 = 48 * 3600;

/// A provider as it would be configured at Google.
#[derive(Debug, Clone)]
pub struct Provider {
    name: String,
    issuer: String,
    mapping: Vec<(String, Operand)>,
    condition: Condition,
}

/// Why a provider cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The name has not the shape of one.
    #[error(
        "`{0}` is no provider: expected `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`"
    )]
    Name(String),
    /// The mapping has no subject.
    #[error("the attribute mapping has no `google.subject`")]
    NoSubject,
    /// A mapping target is none.
    #[error("`{0}` cannot be mapped: use `google.subject` or `attribute.NAME`")]
    Target(String),
    /// A mapping or the condition is not understood.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
}

impl Provider {
    /// A provider called `name` that trusts `issuer`. `mapping` is pairs of target and expression, as in
    /// `("google.subject", "assertion.sub")`; `condition` may be empty.
    pub fn new(name: &str, issuer: &str, mapping: &[(&str, &str)], condition: &str) -> Result<Self, ProviderError> {
        let parts: Vec<_> = name.split('/').collect();
        let is_name = matches!(parts[..], ["", "", "iam.googleapis.com", "projects", p, "locations", "global", "workloadIdentityPools", w, "providers", v]
            if [p, w, v].iter().all(|part| !part.is_empty()));
        if !is_name {
            return Err(ProviderError::Name(name.to_owned()));
        }
        let mut read = Vec::new();
        for (target, expression) in mapping {
            if !matches!(Operand::read(target), Ok(Operand::Mapped(_))) {
                return Err(ProviderError::Target((*target).to_owned()));
            }
            read.push(((*target).to_owned(), Operand::read(expression)?));
        }
        if read.iter().all(|(target, _)| target != "google.subject") {
            return Err(ProviderError::NoSubject);
        }
        Ok(Self { name: name.to_owned(), issuer: issuer.to_owned(), mapping: read, condition: Condition::read(condition)? })
    }

    /// The mapping for devices: their number is the subject; project, location, registry and device are attributes.
    pub const DEVICE_MAPPING: [(&str, &str); 5] = [
        ("google.subject", "assertion.sub"),
        ("attribute.project", "assertion.project"),
        ("attribute.location", "assertion.location"),
        ("attribute.registry", "assertion.registry"),
        ("attribute.device", "assertion.device"),
    ];

    /// Its full resource name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `iam.googleapis.com/projects/…/workloadIdentityPools/POOL`: what names of principals begin with.
    pub fn pool(&self) -> &str {
        let end = self.name.find("/providers/").unwrap_or(self.name.len());
        &self.name[2..end]
    }

    /// Checks the claims of a token whose signature is good. Answers the principal and when the token ends.
    pub(super) fn admit(&self, claims: &Value, now: Timestamp) -> Result<(Principal, Timestamp), OAuth> {
        let text = |name: &str| claims[name].as_str().unwrap_or_default();
        let date = |name: &str| claims[name].as_i64().ok_or_else(|| OAuth::grant(format!("The ID Token has no `{name}` claim.")));
        if text("iss") != self.issuer {
            return Err(OAuth::grant(format!("The issuer in ID Token {} does not match the expected one.", text("iss"))));
        }
        let is_meant = text("aud").strip_prefix("https:").unwrap_or(text("aud")) == self.name;
        if !is_meant {
            return Err(OAuth::grant("The audience in ID Token does not match the expected audience."));
        }
        let (iat, exp) = (date("iat")?, date("exp")?);
        if iat > now.secs() {
            return Err(OAuth::grant(format!("ID Token issued at {iat} is not yet valid, it is {}.", now.secs())));
        }
        if exp <= now.secs() {
            return Err(OAuth::grant(format!("ID Token expired at {exp}, it is {}.", now.secs())));
        }
        if exp.saturating_sub(iat) >= MAX_SUBJECT_LIFE_SECS {
            return Err(OAuth::grant(format!("ID Token lives for {} s, the limit is {MAX_SUBJECT_LIFE_SECS}.", exp.saturating_sub(iat))));
        }
        self.map(claims).map(|principal| (principal, Timestamp::from_secs(exp)))
    }

    fn map(&self, claims: &Value) -> Result<Principal, OAuth> {
        let mut mapped = Mapped::new();
        for (target, expression) in &self.mapping {
            let value = expression.value(claims, &Mapped::new());
            let value = value.ok_or_else(|| OAuth::grant(format!("The mapping of {target} is not in the ID Token.")))?;
            mapped.insert(target.clone(), value);
        }
        if !self.condition.holds(claims, &mapped) {
            return Err(OAuth("unauthorized_client", "The given credential is rejected by the attribute condition.".into()));
        }
        let subject = mapped.remove("google.subject").unwrap_or_default();
        if subject.is_empty() || subject.len() > MAX_SUBJECT_BYTES {
            let text =
                format!("The size of mapped attribute google.subject is {} bytes, it must be 1 to {MAX_SUBJECT_BYTES}.", subject.len());
            return Err(OAuth::grant(text));
        }
        Ok(Principal::Federated { pool: self.pool().to_owned(), subject, attributes: mapped })
    }
}
