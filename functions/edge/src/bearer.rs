//! The credential of a request: `authorization: Bearer …`.

use std::fmt;

use axum::http::{HeaderMap, header, request::Parts};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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

    /// Whether it has the shape of a JWT: before its first dot stands a JSON object in base64url. Google's access tokens,
    /// `ya29.…`, have dots too. An empty one counts as a JWT: what is said of that helps.
    pub fn looks_like_jwt(&self) -> bool {
        let header = self.0.split('.').next().unwrap_or_default();
        self.0.is_empty() || URL_SAFE_NO_PAD.decode(header.trim_end_matches('=')).is_ok_and(|json| json.starts_with(b"{"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_is_told_from_an_access_token_by_its_shape() {
        for (token, is_jwt) in [
            ("eyJhbGciOiJFUzI1NiJ9.e30.c2ln", true),
            ("eyJhbGciOiJFUzI1NiJ9", true),
            ("", true),
            ("ya29.d.b0Aaekm1K", false),
            ("ya29.a0AfH6SMB.c.d", false),
            ("local-token", false),
            ("..", false),
        ] {
            assert_eq!(Bearer(token.into()).looks_like_jwt(), is_jwt, "{token}");
        }
    }
}
