//! What a server says of the bytes it sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Response;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName};

/// Bytes of an error's text that are read.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// The tag without quotes, if bytes can be joined by it: not a weak one.
pub(super) fn strong_etag(headers: &HeaderMap) -> Option<String> {
    Some(header(headers, ETAG)?.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// Bytes of the whole, as `content-length` says it.
pub(super) fn size(headers: &HeaderMap) -> Option<u64> {
    header(headers, CONTENT_LENGTH)?.parse().ok()
}

/// First byte and size of the whole, out of `bytes 5-9/10`.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (range, size) = header(headers, CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, size.parse().ok()?))
}

/// CRC32C of the whole out of `x-goog-hash`, which may come more than once and name other sums too.
pub(crate) fn crc32c(headers: &HeaderMap) -> Option<u32> {
    let values = headers.get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok());
    let text = values.flat_map(|value| value.split(',')).find_map(|hash| hash.trim().strip_prefix("crc32c="))?;
    sum(text)
}

/// CRC32C out of the resource of an object.
pub(crate) fn crc32c_of_resource(body: &str) -> Option<u32> {
    sum(serde_json::from_str::<serde_json::Value>(body).ok()?["crc32c"].as_str()?)
}

fn sum(base64: &str) -> Option<u32> {
    Some(u32::from_be_bytes(STANDARD.decode(base64).ok()?.try_into().ok()?))
}

/// The body of a short answer; of a long one its beginning.
pub(crate) async fn text(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_MESSAGE_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// The message in an error of Google's shape, or the beginning of what came instead.
pub(crate) fn message(body: &str) -> String {
    let said = serde_json::from_str::<serde_json::Value>(body).ok().and_then(|v| v["error"]["message"].as_str().map(str::to_owned));
    said.unwrap_or_else(|| body.to_owned()).chars().take(500).flat_map(char::escape_debug).collect()
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn headers_are_read_or_are_absent() {
        let h = headers(&[
            ("etag", "\"a-1\""),
            ("content-length", "5"),
            ("content-range", "bytes 5-9/10"),
            ("x-goog-hash", "crc32c=mnG7TA==,md5=x"),
        ]);
        assert_eq!((strong_etag(&h).as_deref(), size(&h), content_range(&h)), (Some("a-1"), Some(5), Some((5, 10))));
        assert_eq!(crc32c(&h), Some(crc32c::crc32c(b"hello")));
        let bad = headers(&[("etag", "W/\"a\""), ("content-length", "x"), ("content-range", "bytes */10"), ("x-goog-hash", "crc32c=??")]);
        assert_eq!((strong_etag(&bad), size(&bad), content_range(&bad), crc32c(&bad)), (None, None, None, None));
    }

    #[test]
    fn an_error_of_googles_shape_is_read() {
        assert_eq!(message(r#"{"error":{"message":"no object rule"}}"#), "no object rule");
        assert_eq!(message("<html>\n"), "<html>\\n");
    }
}
