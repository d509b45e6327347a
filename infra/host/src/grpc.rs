//! gRPC on the port of HTTP: each call of `google.cloud.iot.v1.DeviceManager` becomes the REST request that it is, goes through
//! the same routes, and the reply becomes the answer (docs/adr/0019-grpc-is-transcoded-onto-rest.md).
//!
//! Promise: a call is judged, counted and logged as its REST request is, by the same code. Of a call by nobody we know no more
//! than the headers is read. A call ends at its `grpc-timeout`.
//! Bounds: a message has at most [`wire::MAX_MESSAGE`] bytes, unpacked; a call has one.
//! Not there: streams, which the service has none of; `grpc.health.v1`, since `/healthz` and `/readyz` are there; reflection,
//! since clients bring the service's definition along.
//!
//! | file | holds |
//! | --- | --- |
//! | `methods` | which REST request each method is |
//! | `request` | a message as that request |
//! | `answer` | its reply as a message, or as a status with details |
//! | `wire` | frames, by tonic, and timeouts |

mod answer;
mod methods;
mod request;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method as Verb, Version, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use edge::{AdminAuth, ApiError, Code};
use tower::ServiceExt as _;

use crate::metrics::Requests;
use methods::Method;

/// Where gRPC finds the service: `/{package}.{service}/{method}`.
const SERVICE: &str = "/google.cloud.iot.v1.DeviceManager/";

/// What a call needs.
#[derive(Clone)]
struct Service {
    rest: Router,
    admin: AdminAuth,
    requests: Arc<Requests>,
}

/// `rest` and the same over gRPC. Who is refused before there is a request is counted in `requests` like one.
pub(crate) fn beside(rest: Router, admin: AdminAuth, requests: Arc<Requests>) -> Router {
    let service = Service { rest: rest.clone(), admin, requests };
    rest.route(&format!("{SERVICE}{{method}}"), any(call).with_state(service))
}

async fn call(State(service): State<Service>, request: Request) -> Response {
    if !is_grpc(&request) {
        return service.rest.oneshot(request).await.unwrap_or_else(|never| match never {});
    }
    if request.version() != Version::HTTP_2 {
        const DOWNGRADED: &str = "gRPC needs HTTP/2 as far as this process, and this call came as HTTP/1: look at what stands before it";
        return ApiError::new(Code::Unimplemented, DOWNGRADED).into_response();
    }
    let answered = match wire::timeout(request.headers()) {
        Ok(None) => service.answer(request).await,
        Ok(Some(limit)) => match tokio::time::timeout(limit, service.answer(request)).await {
            Ok(answered) => answered,
            Err(_) => answer::refused(&ApiError::new(Code::DeadlineExceeded, format!("no answer within the call's timeout, {limit:?}"))),
        },
        Err(refused) => answer::refused(&refused),
    };
    answered.map(Body::new)
}

/// `application/grpc`, alone or with the encoding that we speak. `application/grpc-web` and `+json` are something else.
fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    request.method() == Verb::POST && ["application/grpc", "application/grpc+proto"].contains(&kind)
}

impl Service {
    async fn answer(self, request: Request) -> Response<tonic::body::Body> {
        match self.admitted(request.uri().path(), request.headers()).await {
            Ok(method) => wire::serve(request, move |metadata, message| answer::call(self.rest, method, metadata, message)).await,
            Err(refused) => answer::refused(&refused),
        }
    }

    /// The method, if there is one and somebody we know calls it. What they may is asked behind the routes, where it is known of what.
    async fn admitted(&self, path: &str, headers: &HeaderMap) -> Result<&'static Method, ApiError> {
        let name = path.strip_prefix(SERVICE).unwrap_or_default();
        let shown = || name.chars().take(64).collect::<String>();
        let unknown = || ApiError::new(Code::Unimplemented, format!("google.cloud.iot.v1.DeviceManager has no method `{}`", shown()));
        let method = Method::named(name).ok_or_else(unknown)?;
        match self.admin.recognise(headers).await {
            Ok(()) => Ok(method),
            Err(refused) => {
                self.requests.refused(method.function(), refused.code().http().as_u16());
                Err(refused)
            }
        }
    }
}
