//! What every request gets: an id and its trace on each log line about it, a caught panic, and one line when it failed
//! because of us.

mod trace;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tracing::{Instrument as _, Span};

use crate::api_error::Cause;
use crate::{ApiError, Code};
use trace::Trace;

/// The request's id: taken from the caller when it is 1 to 64 characters of letters, digits, `-` and `_`, else made;
/// on every reply, and in every log line about it.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Has `serve` answer the request.
pub(crate) async fn observed<F: Future<Output = Response>>(request: Request, serve: impl FnOnce(Request) -> F) -> Response {
    let id = request_id(request.headers());
    let span = span(&id, &Trace::of(request.headers()));
    let mut response = answer(request, serve).instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn span(id: &HeaderValue, trace: &Trace) -> Span {
    let Trace { id: trace, span, sampled } = trace;
    let (trace, span) = (trace.as_deref(), span.as_deref());
    tracing::error_span!("request", request.id = id.to_str().unwrap_or("?"), trace.id = trace, trace.span = span, trace.sampled = sampled)
}

async fn answer<F: Future<Output = Response>>(request: Request, serve: impl FnOnce(Request) -> F) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let path = uri.path();
    let ran = AssertUnwindSafe(serve(request)).catch_unwind().await;
    let mut response = ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        tracing::error!(%method, path, panic = text.unwrap_or("?"), "A request panicked");
        ApiError::new(Code::Internal, "the server failed at this request; its log says why").into_response()
    });
    if let Some(Cause(cause)) = response.extensions_mut().remove() {
        let status = response.status().as_u16();
        if response.status().is_server_error() {
            tracing::error!(%method, path, status, error = %cause, "Failed: {method} {path}: {cause}");
        } else {
            tracing::debug!(%method, path, status, error = %cause, "Refused: {method} {path}: {cause}");
        }
    }
    response
}

fn request_id(headers: &HeaderMap) -> HeaderValue {
    let fits =
        |v: &&HeaderValue| (1..=64).contains(&v.len()) && v.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b));
    headers.get(REQUEST_ID).filter(fits).cloned().unwrap_or_else(made)
}

/// A keyed hash of a counter: unlike those of other processes, because the key is random.
fn made() -> HeaderValue {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let id = KEY.hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::from_str(&format!("{id:016x}")).unwrap_or_else(|_| HeaderValue::from_static("0"))
}
