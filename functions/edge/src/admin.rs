//! Who may administer: whoever holds the one admin token, or an access token whose holder has the IAM permission of the call.

mod caller;
mod permission;

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use domain::PortError;

use crate::{ApiError, Bearer, Code, PathParams};

pub use caller::Caller;
use permission::Asked;

/// Says what the holder of an access token may do: IAM, or who stands in for it.
#[async_trait]
pub trait Authority: Send + Sync {
    /// Which of `permissions`, as in `cloudiot.devices.get`, the holder of `token` has on `resource`, as in
    /// `projects/…/registries/r/devices/d`; empty is the installation as a whole. `Err` says that it could not be known.
    async fn held(&self, token: &Bearer, permissions: &[&'static str], resource: &str) -> Result<Verdict, PortError>;
}

/// Whether somebody may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody we know, whose roles have these of the permissions there.
    Known(Vec<&'static str>),
    /// Nobody we know, or no longer.
    Unknown,
    /// The token's OAuth scopes do not cover this API.
    OutOfScope,
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
    async fn admit(&self, asked: Asked, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let bearer = Bearer::from_headers(headers)?;
        match self {
            Self::Token(token) | Self::Iam(token, _) if token.fits(bearer.token()) => {
                Ok(Caller { known_to: None, resource: asked.resource })
            }
            Self::Token(_) => Err(ApiError::new(
                Code::Unauthenticated,
                "the bearer token is not the admin token of this installation; `drawbridge up` printed it when it was made",
            )),
            Self::Iam(_, authority) => {
                let verdict = authority.held(&bearer, asked.permission.as_slice(), &asked.resource).await?;
                refusal(&verdict, &asked).map_or(Ok(()), Err)?;
                Ok(Caller { known_to: Some((bearer, authority.clone())), resource: asked.resource })
            }
        }
    }

    /// Whether somebody we know asks, whatever they may: for a protocol whose requests name their resource in the body, so that
    /// nothing of a stranger's is read. [`Self::guard`] asks the rest. UNAUTHENTICATED, in the same words.
    pub async fn recognise(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        match self.admit(Asked { permission: None, resource: String::new() }, headers).await {
            Err(denied) if denied.code() == Code::PermissionDenied => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// The same routes, behind this check. Paths that are not served stay 404 to everybody.
    pub fn guard(self, routes: Router) -> Router {
        routes.route_layer(from_fn_with_state(self, check))
    }
}

/// In the words and with the reasons of Google.
fn refusal(verdict: &Verdict, asked: &Asked) -> Option<ApiError> {
    let service = ("service", "cloudiot.googleapis.com");
    match verdict {
        Verdict::Unknown => Some(ApiError::new(
            Code::Unauthenticated,
            "the bearer token is neither the admin token of this installation nor an access token that it gave and that still counts",
        )),
        Verdict::OutOfScope => Some(ApiError::new(Code::PermissionDenied, "Request had insufficient authentication scopes.").with_reason(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "googleapis.com",
            &[service],
        )),
        Verdict::Known(held) => {
            let permission = asked.permission.filter(|permission| !held.contains(permission))?;
            let resource = format!("//cloudiot.googleapis.com/{}", asked.resource);
            let text = format!("Permission '{permission}' denied on resource '{resource}' (or it may not exist).");
            let metadata = [service, ("permission", permission), ("resource", &resource)];
            let error = ApiError::new(Code::PermissionDenied, text);
            Some(error.with_reason("IAM_PERMISSION_DENIED", "iam.googleapis.com", &metadata))
        }
    }
}

async fn check(State(auth): State<AdminAuth>, params: PathParams, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let asked = Asked::of(request.method(), request.uri().path(), &params);
    let caller = auth.admit(asked, request.headers()).await?;
    request.extensions_mut().insert(caller);
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
