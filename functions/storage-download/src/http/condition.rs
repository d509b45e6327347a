//! `If-None-Match` and `If-Range` (RFC 9110, section 13). Our tags are strong.

use axum::http::{HeaderMap, HeaderName, header};

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the caller has these bytes already: 304.
pub(super) fn has_it(headers: &HeaderMap, etag: &str) -> bool {
    let Some(list) = text(headers, header::IF_NONE_MATCH) else { return false };
    // Weak comparison, as section 13.1.2 asks for. Our tags hold no comma.
    let mut tags = list.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    list.trim() == "*" || tags.any(|tag| unquoted(tag) == Some(etag))
}

/// The range, unless `If-Range` names other bytes than these. A date is never sure enough to join bytes by.
pub(super) fn range<'a>(headers: &'a HeaderMap, etag: &str) -> Option<&'a str> {
    let same = !headers.contains_key(header::IF_RANGE) || text(headers, header::IF_RANGE).and_then(unquoted) == Some(etag);
    text(headers, header::RANGE).filter(|_| same)
}

fn unquoted(tag: &str) -> Option<&str> {
    tag.trim().strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap()), (header::RANGE, "bytes=1-".parse().unwrap())])
    }

    #[test]
    fn tags_are_compared() {
        for (value, expected) in
            [("\"a-1\"", true), ("W/\"a-1\"", true), ("\"x\", \"a-1\"", true), ("*", true), ("a-1", false), ("\"a\"", false)]
        {
            assert_eq!(has_it(&headers(header::IF_NONE_MATCH, value), "a-1"), expected, "{value}");
        }
    }

    #[test]
    fn a_range_goes_only_on_with_the_same_bytes() {
        for (value, expected) in
            [("\"a-1\"", true), ("W/\"a-1\"", false), ("\"a-2\"", false), ("Fri, 20 Nov 2026 12:00:00 GMT", false), ("*", false)]
        {
            assert_eq!(range(&headers(header::IF_RANGE, value), "a-1").is_some(), expected, "{value}");
        }
        assert_eq!(range(&headers(header::ACCEPT, "*/*"), "a-1"), Some("bytes=1-"));
    }
}
