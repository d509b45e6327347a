//! Who may administer: today whoever holds the one admin token.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::{ApiError, Bearer, Code};

/// The admin token. Prints nothing and compares in time that depends on the lengths alone.
#[derive(Clone)]
pub struct AdminToken(Arc<str>);

impl AdminToken {
    /// Keeps `token`.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into().into())
    }

    /// Whether `given` is it. An empty token of ours fits nothing.
    fn fits(&self, given: &str) -> bool {
        let (ours, given) = (self.0.as_bytes(), given.as_bytes());
        let mut differs = u8::from(ours.is_empty() || ours.len() != given.len());
        for (place, byte) in given.iter().enumerate() {
            let ours = ours.get(place % ours.len().max(1)).copied().unwrap_or_default();
            differs |= black_box(ours ^ byte);
        }
        black_box(differs) == 0
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

/// How administrators prove themselves. Checking is asynchronous, so that a variant may ask somebody (OAuth).
#[derive(Debug, Clone)]
pub enum AdminAuth {
    /// One token that every administrator holds.
    Token(AdminToken),
}

impl AdminAuth {
    /// Lets an administrator in. UNAUTHENTICATED says what was wrong with the header, never what is right.
    pub async fn admit(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let bearer = Bearer::from_headers(headers)?;
        match self {
            Self::Token(token) if token.fits(bearer.token()) => Ok(()),
            Self::Token(_) => Err(ApiError::new(
                Code::Unauthenticated,
                "the bearer token is not the admin token of this installation; `drawbridge up` printed it when it was made",
            )),
        }
    }

    /// The same routes, behind this check. Paths that are not served stay 404 to everybody.
    pub fn guard(self, routes: Router) -> Router {
        routes.route_layer(from_fn_with_state(self, check))
    }
}

async fn check(State(auth): State<AdminAuth>, request: Request, next: Next) -> Result<Response, ApiError> {
    auth.admit(request.headers()).await?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_fits() {
        let token = AdminToken::new("secret");
        assert!(token.fits("secret"));
        for wrong in ["", "secre", "secrets", "Secret", "secretsecret"] {
            assert!(!token.fits(wrong), "{wrong}");
        }
        assert!(!AdminToken::new("").fits(""), "no token is no password");
        assert_eq!(format!("{token:?}"), "AdminToken(…)");
    }
}
