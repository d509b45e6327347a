//! The credential of a request: `authorization: Bearer …`.

use std::fmt;

use axum::http::{HeaderMap, header, request::Parts};

use crate::{ApiError, Code};

/// A bearer token as sent. Does not print: tokens have no place in a log (invariant 7).
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer(String);

impl Bearer {
    /// Reads the `authorization` header; the scheme in any case, as RFC 9110, section 11.1 has it.
    /// UNAUTHENTICATED when there is none.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let refused = |why: &str| ApiError::new(Code::Unauthenticated, format!("{why}: send `authorization: Bearer TOKEN`"));
        let value = headers.get(header::AUTHORIZATION).ok_or_else(|| refused("the request carries no credentials"))?;
        let value = value.to_str().map_err(|_| refused("the `authorization` header is not text"))?;
        match value.trim().split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Self(token.trim().to_owned())),
            _ => Err(refused("the `authorization` header is not of the Bearer scheme")),
        }
    }

    /// The token itself, for whoever checks it.
    pub fn token(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer({} bytes)", self.0.len())
    }
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Bearer {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::from_headers(&parts.headers)
    }
}
