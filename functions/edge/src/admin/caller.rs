//! Who was let in.

use std::fmt;
use std::sync::Arc;

use super::{Authority, Verdict};
use crate::{ApiError, Bearer};

/// Whoever was let in; stands in the extensions of a request behind [`crate::AdminAuth::guard`].
#[derive(Clone)]
pub struct Caller {
    /// `None`: who holds the admin token.
    pub(super) known_to: Option<(Bearer, Arc<dyn Authority>)>,
    /// What the request is about: a name as in `projects/p/locations/l/registries/r`.
    pub(super) resource: String,
}

impl Caller {
    /// Which of `permissions` they have on what the request is about. Who holds the admin token has all.
    pub async fn held(&self, permissions: &[&'static str]) -> Result<Vec<&'static str>, ApiError> {
        let Some((bearer, authority)) = &self.known_to else { return Ok(permissions.to_vec()) };
        // Whose token ended a moment ago has nothing any more.
        Ok(match authority.held(bearer, permissions, &self.resource).await? {
            Verdict::Known(held) => held,
            Verdict::Unknown | Verdict::OutOfScope => Vec::new(),
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({}, {})", if self.known_to.is_some() { "a principal" } else { "admin token" }, self.resource)
    }
}
