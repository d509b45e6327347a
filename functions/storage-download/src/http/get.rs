//! GET and HEAD.

use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::objects::{Download, ObjectInfo, ObjectName};
use edge::{ApiError, Code, Query};
use futures_util::TryStreamExt as _;

use super::admit::Admitted;
use super::range::{self, Asked};
use super::{condition, error, headers};
use crate::Deps;

/// How long a signed URL opens its object: 15 minutes, enough to begin a download on a slow line. A download that goes on
/// for longer than that is not cut; one that resumes asks here again.
pub const SIGNED_URL_LIFE: Duration = Duration::from_secs(15 * 60);

/// How often an object is looked at anew that is replaced between the look and the read.
const TRIES: usize = 3;

pub(super) async fn get(
    State(deps): State<Deps>,
    Admitted { object, .. }: Admitted,
    query: Query,
    asked: HeaderMap,
) -> Result<Response, ApiError> {
    let may_redirect = query.text("redirect") != Some("false");
    for _ in 0..TRIES {
        let info = look(&deps, &object).await?;
        if condition::has_it(&asked, &info.etag) {
            return Ok((StatusCode::NOT_MODIFIED, headers::same(&info)).into_response());
        }
        if may_redirect && let Some(url) = deps.objects.sign(&object, info.generation, SIGNED_URL_LIFE).await? {
            return redirect(&url);
        }
        let (status, part) = match range::read(condition::range(&asked, &info.etag), info.size) {
            Asked::Whole => (StatusCode::OK, None),
            Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, Some(part)),
            Asked::Nothing => return Ok(error::unsatisfiable(info.size)),
        };
        let bytes = part.clone().unwrap_or(0..info.size);
        if let Some(content) = deps.objects.open(&object, info.generation, bytes).await? {
            return Ok((status, headers::of(&info, part.as_ref()), body(object, content)).into_response());
        }
    }
    Err(ApiError::new(Code::Unavailable, format!("`{object}` is being replaced again and again, try again")))
}

pub(super) async fn head(State(deps): State<Deps>, Admitted { object, .. }: Admitted, asked: HeaderMap) -> Result<Response, ApiError> {
    let info = look(&deps, &object).await?;
    if condition::has_it(&asked, &info.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers::same(&info)).into_response());
    }
    Ok((headers::of(&info, None), Body::empty()).into_response())
}

async fn look(deps: &Deps, object: &ObjectName) -> Result<ObjectInfo, ApiError> {
    deps.objects.stat(object).await?.ok_or_else(|| ApiError::not_found(format!("object `{object}`")))
}

fn redirect(url: &str) -> Result<Response, ApiError> {
    let failed = |e| ApiError::new(Code::Internal, "the signed URL cannot be sent").caused_by(e);
    let location = HeaderValue::from_str(url).map_err(failed)?;
    // Whoever has the URL may read: no cache may keep it.
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

/// A stream that fails ends the connection before `content-length` bytes have gone: the device sees that it is not whole.
fn body(object: ObjectName, content: Download) -> Body {
    Body::from_stream(content.inspect_err(move |e| tracing::warn!(%object, error = %e, "Broke off the download of `{object}`: {e}")))
}
