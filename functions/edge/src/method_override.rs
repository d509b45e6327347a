//! `x-http-method-override: GET`: Google's discovery-based clients turn a GET whose URL is longer than 2,048 characters,
//! such as a listing of a hundred device ids, into a POST with the query as its body.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, Method};

use crate::ApiError;

const OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Largest query sent as a body: 1 MiB, over 10,000 device ids and 10,000 numbers of usual length.
const QUERY_LIMIT: usize = 1024 * 1024;

/// The query of a GET that came as a POST; [`crate::Query`] reads it beside that of the URL.
#[derive(Debug, Clone)]
pub(crate) struct QueryBody(pub(crate) String);

/// The GET that such a POST stands for; every other request as it is.
pub(crate) async fn read(request: Request) -> Result<Request, ApiError> {
    let asked = request.headers().get(OVERRIDE).is_some_and(|method| method.as_bytes().eq_ignore_ascii_case(b"GET"));
    if !asked || request.method() != Method::POST {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let refused = |e| ApiError::invalid("", format!("the query in the body exceeds the limit of {QUERY_LIMIT} bytes")).caused_by(e);
    let bytes = to_bytes(body, QUERY_LIMIT).await.map_err(refused)?;
    parts.method = Method::GET;
    parts.extensions.insert(QueryBody(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(Request::from_parts(parts, Body::empty()))
}
