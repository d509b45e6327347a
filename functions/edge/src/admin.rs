//! Who may administer: whoever holds the one admin token, or an access token whose holder has the IAM permission of the call.

mod permission;

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use domain::PortError;

use crate::{ApiError, Bearer, Code};

/// Says what the holder of an access token may do: IAM, or who stands in for it.
#[async_trait]
pub trait Authority: Send + Sync {
    /// Whether the holder of `token` has `permission`, as in `cloudiot.devices.get`, on `resource`, as in
    /// `projects/…/registries/r/devices/d`; empty is the installation as a whole. `Err` says that it could not be known.
    async fn may(&self, token: &Bearer, permission: &str, resource: &str) -> Result<Verdict, PortError>;
}

/// Whether somebody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Allowed,
    /// Nobody we know, or no longer.
    Unknown,
    /// The token's OAuth scopes do not cover this API.
    OutOfScope,
    /// No role of theirs has the permission there.
    Denied,
}

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

/// How administrators prove themselves.
#[derive(Clone)]
pub enum AdminAuth {
    /// One token that every administrator holds.
    Token(AdminToken),
    /// That token, or an access token that the authority knows.
    Iam(AdminToken, Arc<dyn Authority>),
}

impl fmt::Debug for AdminAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Token(_)) { "AdminAuth::Token(…)" } else { "AdminAuth::Iam(…)" })
    }
}

impl AdminAuth {
    /// Lets an administrator in. UNAUTHENTICATED says what was wrong with the header, never what is right;
    /// PERMISSION_DENIED names the permission that somebody we know lacks.
    async fn admit(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
        let bearer = Bearer::from_headers(headers)?;
        match self {
            Self::Token(token) | Self::Iam(token, _) if token.fits(bearer.token()) => Ok(()),
            Self::Token(_) => Err(ApiError::new(
                Code::Unauthenticated,
                "the bearer token is not the admin token of this installation; `drawbridge up` printed it when it was made",
            )),
            Self::Iam(_, authority) => {
                let asked = permission::asked(method, path);
                let verdict = authority.may(&bearer, asked.permission, &asked.resource).await?;
                refusal(verdict, &asked).map_or(Ok(()), Err)
            }
        }
    }

    /// The same routes, behind this check. Paths that are not served stay 404 to everybody.
    pub fn guard(self, routes: Router) -> Router {
        routes.route_layer(from_fn_with_state(self, check))
    }
}

/// In the words and with the reasons of Google.
fn refusal(verdict: Verdict, asked: &permission::Asked) -> Option<ApiError> {
    let service = ("service", "cloudiot.googleapis.com");
    match verdict {
        Verdict::Allowed => None,
        Verdict::Unknown => Some(ApiError::new(
            Code::Unauthenticated,
            "the bearer token is neither the admin token of this installation nor an access token that it gave and that still counts",
        )),
        Verdict::OutOfScope => Some(ApiError::new(Code::PermissionDenied, "Request had insufficient authentication scopes.").with_reason(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "googleapis.com",
            &[service],
        )),
        Verdict::Denied => {
            let resource = format!("//cloudiot.googleapis.com/{}", asked.resource);
            let text = format!("Permission '{}' denied on resource '{resource}' (or it may not exist).", asked.permission);
            let metadata = [service, ("permission", asked.permission), ("resource", &resource)];
            let error = ApiError::new(Code::PermissionDenied, text);
            Some(error.with_reason("IAM_PERMISSION_DENIED", "iam.googleapis.com", &metadata))
        }
    }
}

async fn check(State(auth): State<AdminAuth>, request: Request, next: Next) -> Result<Response, ApiError> {
    auth.admit(request.method(), request.uri().path(), request.headers()).await?;
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
