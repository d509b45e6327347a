//! What a token opens. It stands in the token itself, signed by a key of this process, so nothing need be remembered.

use domain::Timestamp;
use domain::iam::Principal;
use domain::objects::Access;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::TryRngCore as _;
use serde::{Deserialize, Serialize};

use super::boundary::Boundary;

/// What all scopes of Cloud Storage begin with.
const STORAGE_SCOPES: &str = "https://www.googleapis.com/auth/devstorage.";

/// What a token opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// As whom.
    pub principal: Principal,
    /// For what: OAuth scopes, separated by spaces.
    pub scope: String,
    /// Until when, by this machine's clock.
    pub expires_at: Timestamp,
    /// The most it opens in Cloud Storage; with one it opens nothing else (a Credential Access Boundary).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Boundary>,
}

impl Grant {
    /// Whether it has one of these scopes: all that a service takes. With a boundary, only for Cloud Storage, which is
    /// the service that takes a `devstorage` scope.
    pub fn has_scope(&self, any_of: &[&str]) -> bool {
        let is_in_reach = self.boundary.is_none() || any_of.iter().any(|s| s.starts_with(STORAGE_SCOPES));
        is_in_reach && self.scope.split(' ').any(|s| any_of.contains(&s))
    }

    /// Whether its boundary, if it has one, lets `wanted` through to an object. Scope and IAM policy are for the caller
    /// to ask as well. A bucket itself, and a list of its objects, are beyond every boundary that names objects.
    pub fn allows_object(&self, bucket: &str, object: &str, wanted: Access) -> bool {
        self.boundary.as_ref().is_none_or(|b| b.allows(bucket, object, wanted))
    }
}

/// The key of this process.
pub(super) struct GrantKey([u8; 32]);

impl GrantKey {
    pub(super) fn make() -> Result<Self, String> {
        let mut bytes = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|e| e.to_string())?;
        Ok(Self(bytes))
    }

    pub(super) fn seal(&self, grant: &Grant) -> Result<String, String> {
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, grant, &EncodingKey::from_secret(&self.0)).map_err(|e| e.to_string())
    }

    /// The grant in a token of ours, expired or not.
    pub(super) fn open(&self, token: &str) -> Option<Grant> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode(token, &DecodingKey::from_secret(&self.0), &validation).ok().map(|t| t.claims)
    }
}
