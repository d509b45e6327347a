//! Paths of Google's APIs: `…/devices/{device}:publishEvent`. A router matches whole segments, so before routing the
//! last segment `X:verb` becomes two: `X/~verb`. Ids start with a letter or are numbers, so no id is taken for a verb.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{Method, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use protocol::{DeviceName, NameError, RegistryName};
use tower::Layer as _;

use crate::{ApiError, Code, method_override, observe};

/// Serves `routes`, written in the normal form (`…/{device}/~publishEvent`), at Google's paths (`…/{device}:publishEvent`),
/// with request ids, panics caught, and Google-shaped answers to unknown paths and wrong methods.
/// `routes` must have no fallback of its own.
pub fn google_paths(routes: Router) -> Router {
    let routes = routes.method_not_allowed_fallback(not_served).fallback(not_served);
    Router::new().fallback_service(from_fn(front).layer(routes))
}

/// One layer for all that comes before routing: each layer costs a request some allocations.
async fn front(request: Request, next: Next) -> Response {
    observe::observed(request, async |mut request| {
        if let Some(uri) = rewritten(request.uri()) {
            *request.uri_mut() = uri;
        }
        match method_override::read(request).await {
            Ok(request) => next.run(request).await,
            Err(refused) => refused.into_response(),
        }
    })
    .await
}

/// The URI in normal form; `None` when it is already.
fn rewritten(uri: &Uri) -> Option<Uri> {
    let (parents, last) = uri.path().rsplit_once('/')?;
    // Cloud Storage, as the local stack serves it, has no verbs either.
    if ["/storage/", "/download/storage/", "/upload/storage/"].iter().any(|storage| parents.starts_with(storage)) {
        return None;
    }
    // `/v1/projects/p/locations/l/registries/r/devices/d/objects/…`: what follows is a file's name, where a colon is no verb.
    if parents.split('/').nth(10) == Some("objects") {
        return None;
    }
    let (resource, verb) = last.rsplit_once(':')?;
    let query = uri.query().map(|q| format!("?{q}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{parents}/{resource}/~{verb}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// Stands in the extensions of an answer that no route gave.
#[derive(Debug, Clone, Copy)]
pub struct NotServed;

async fn not_served(method: Method, uri: Uri) -> (Extension<NotServed>, ApiError) {
    let path: String = uri.path().replacen("/~", ":", 1).chars().take(512).collect();
    (Extension(NotServed), ApiError::new(Code::NotFound, format!("{method} {path} is not part of this API")))
}

/// The placeholders of the matched route, as names of resources.
#[derive(Debug)]
pub struct PathParams(RawPathParams);

impl PathParams {
    /// The value of one placeholder, read as `T`. INVALID_ARGUMENT in the words of the name's own rule.
    pub fn get<T: FromStr<Err = NameError>>(&self, name: &str) -> Result<T, ApiError> {
        self.text(name).parse().map_err(|e: NameError| ApiError::invalid("name", e.to_string()))
    }

    /// The text of one placeholder; empty when the route has none of that name.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// From `{project}`, `{location}` and `{registry}`.
    pub fn registry(&self) -> Result<RegistryName, ApiError> {
        Ok(RegistryName { project: self.get("project")?, location: self.get("location")?, registry: self.get("registry")? })
    }

    /// From `{device}` and those of [`Self::registry`].
    pub fn device(&self) -> Result<DeviceName, ApiError> {
        Ok(DeviceName { registry: self.registry()?, device: self.get("device")? })
    }
}

impl<S: Sync + Send> FromRequestParts<S> for PathParams {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let refused = |e: &dyn std::fmt::Display| ApiError::invalid("name", format!("the path cannot be read: {e}"));
        RawPathParams::from_request_parts(parts, state).await.map(Self).map_err(|e| refused(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_segment_is_rewritten() {
        let to = |path: &str| rewritten(&path.parse().unwrap()).map(|u| u.to_string());
        assert_eq!(to("/v1/projects/e.com:p/devices/d:publishEvent?x=a:b").unwrap(), "/v1/projects/e.com:p/devices/d/~publishEvent?x=a:b");
        assert_eq!(to("/v1/projects/e.com:p/registries"), None);
        assert_eq!(to("/v1/projects/p/locations/l/registries/r/devices/d/objects/b/a:c"), None, "a file's name");
        assert_eq!(to("/storage/v1/b/bucket/o/a:c"), None, "an object's name");
        assert_eq!(to("http://host:80/v1/x:y").unwrap(), "http://host:80/v1/x/~y");
    }
}
