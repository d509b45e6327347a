//! An object's bytes, whole or a range of them, as they are read.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, Response as HttpResponse, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::objects::{ObjectInfo, ObjectName};
use domain::ports::ObjectStore as _;
use http_range_header::parse_range_header;

use super::objects::stat;
use super::{Params, Storage, failed, no_such_object, resource};
use crate::security_token_service::error::Google;

/// An object that is replaced between a look and the reading is looked at this often.
const LOOKS: usize = 3;

pub(super) async fn send(storage: &Storage, name: &ObjectName, params: &Params, headers: &HeaderMap) -> Result<Response, Google> {
    for _ in 0..LOOKS {
        let info = stat(storage, name, params).await?;
        let part = asked(headers, info.size)?;
        let bytes = part.clone().unwrap_or(0..info.size);
        if let Some(download) = storage.objects.open(name, info.generation, bytes.clone()).await.map_err(failed)? {
            return answer(&info, part, bytes.end - bytes.start, Body::from_stream(download));
        }
    }
    Err(no_such_object(name))
}

/// The range asked for. `Ok(None)` when there is none, or one that may be ignored (RFC 9110, section 14.2): several, or no range.
fn asked(headers: &HeaderMap, size: u64) -> Result<Option<Range<u64>>, Google> {
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some(ranges) = text.and_then(|text| parse_range_header(text).ok()) else { return Ok(None) };
    let unsatisfiable = || Google::range(format!("Request range not satisfiable: the object has {size} bytes"));
    match ranges.validate(size).map_err(|_| unsatisfiable())?.as_slice() {
        [one] => Ok(Some(*one.start()..one.end() + 1)),
        _ => Ok(None),
    }
}

fn answer(info: &ObjectInfo, part: Option<Range<u64>>, length: u64, body: Body) -> Result<Response, Google> {
    let mut response = HttpResponse::builder()
        .header(header::CONTENT_TYPE, resource::CONTENT_TYPE)
        .header(header::CONTENT_LENGTH, length)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, format!("\"{}\"", info.etag))
        .header("x-goog-generation", info.generation)
        .header("x-goog-metageneration", 1)
        .header("x-goog-storage-class", "STANDARD")
        .header("x-goog-stored-content-encoding", "identity")
        .header("x-goog-stored-content-length", info.size);
    if let Some(crc32c) = info.crc32c {
        response = response.header("x-goog-hash", format!("crc32c={}", resource::crc32c_text(crc32c)));
    }
    if let Some(part) = part {
        let range = format!("bytes {}-{}/{}", part.start, part.end - 1, info.size);
        response = response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
    }
    response.body(body).map(|r| r.into_response()).map_err(|e| Google::unavailable(e.to_string()))
}
