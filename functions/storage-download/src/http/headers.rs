//! What a reply says of an object, in the words of Cloud Storage.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::objects::ObjectInfo;
use edge::{ApiError, http_date};

pub(super) const HASH: HeaderName = HeaderName::from_static("x-goog-hash");
const GENERATION: HeaderName = HeaderName::from_static("x-goog-generation");

/// Big-endian in base64, as Cloud Storage writes it.
pub(super) fn crc32c_text(crc32c: u32) -> String {
    STANDARD.encode(crc32c.to_be_bytes())
}

/// `crc32c=…` in any `x-goog-hash` header, other hashes beside it or not. INVALID_ARGUMENT when it cannot be read.
pub(super) fn announced_crc32c(headers: &HeaderMap) -> Result<Option<u32>, ApiError> {
    let all = headers.get_all(HASH).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let Some(text) = all.filter_map(|hash| hash.trim().strip_prefix("crc32c=")).next_back() else { return Ok(None) };
    let bytes: Option<[u8; 4]> = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    let refused = || {
        let shown: String = text.chars().take(32).collect();
        ApiError::invalid("x_goog_hash", format!("crc32c `{shown}` is not four bytes, big-endian, in base64"))
    };
    bytes.map(|bytes| Some(u32::from_be_bytes(bytes))).ok_or_else(refused)
}

/// The headers of a reply about `object`: all of it, or the bytes of `part`.
pub(super) fn of(object: &ObjectInfo, part: Option<&Range<u64>>) -> HeaderMap {
    let length = part.map_or(object.size, |part| part.end - part.start);
    let mut headers = same(object);
    set(&mut headers, header::CONTENT_LENGTH, &length.to_string());
    set(&mut headers, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut headers, header::ACCEPT_RANGES, "bytes");
    set(&mut headers, header::LAST_MODIFIED, &http_date(object.updated));
    if let Some(crc32c) = object.crc32c {
        set(&mut headers, HASH, &format!("crc32c={}", crc32c_text(crc32c)));
    }
    if let Some(part) = part {
        set(&mut headers, header::CONTENT_RANGE, &format!("bytes {}-{}/{}", part.start, part.end - 1, object.size));
    }
    headers
}

/// What a 304 says too.
pub(super) fn same(object: &ObjectInfo) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, header::ETAG, &format!("\"{}\"", object.etag));
    set(&mut headers, GENERATION, &object.generation.to_string());
    // A shared cache must not give one device's file to another.
    set(&mut headers, header::CACHE_CONTROL, "private, no-transform");
    headers
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Numbers, dates, and tags that the port promises to be ASCII: all fit.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
