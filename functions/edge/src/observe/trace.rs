//! Which trace a request belongs to, as a cloud's front door says it: `traceparent` (W3C Trace Context, version 00), or else
//! `X-Cloud-Trace-Context` (cloud.google.com/trace/docs/trace-context).

use axum::http::HeaderMap;

/// A request's place in a trace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// 32 hexadecimal digits.
    pub(super) id: Option<String>,
    /// The caller's span: 16 hexadecimal digits.
    pub(super) span: Option<String>,
    /// Whether somebody keeps the trace.
    pub(super) sampled: Option<bool>,
}

impl Trace {
    /// Of these headers; empty when they say nothing that can be understood.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let w3c = text("traceparent").and_then(Self::of_traceparent);
        w3c.or_else(|| text("x-cloud-trace-context").and_then(Self::of_cloud)).unwrap_or_default()
    }

    fn of_traceparent(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (_version, id, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let flags = u8::from_str_radix(flags, 16).ok()?;
        (is_hex(id, 32) && is_hex(span, 16)).then(|| Self { id: Some(id.into()), span: Some(span.into()), sampled: Some(flags & 1 == 1) })
    }

    /// `TRACE_ID[/SPAN_ID][;o=1]`, the span's id in decimal.
    fn of_cloud(text: &str) -> Option<Self> {
        let (place, options) = text.split_once(';').unwrap_or((text, ""));
        let (id, span) = place.split_once('/').unwrap_or((place, ""));
        let span = span.parse::<u64>().ok().map(|span| format!("{span:016x}"));
        is_hex(id, 32).then(|| Self { id: Some(id.into()), span, sampled: (!options.is_empty()).then_some(options == "o=1") })
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit()) && text.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(pairs: &[(&'static str, &str)]) -> Trace {
        Trace::of(&pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect())
    }

    #[test]
    fn both_headers_are_understood_and_the_standard_one_wins() {
        let cloud = format!("{ID}/255;o=1");
        let found = of(&[("x-cloud-trace-context", &cloud)]);
        assert_eq!(found, Trace { id: Some(ID.into()), span: Some("00000000000000ff".into()), sampled: Some(true) });
        let w3c = format!("00-{}-00f067aa0ba902b7-00", "a".repeat(32));
        let found = of(&[("x-cloud-trace-context", &cloud), ("traceparent", &w3c)]);
        assert_eq!(found, Trace { id: Some("a".repeat(32)), span: Some("00f067aa0ba902b7".into()), sampled: Some(false) });
        assert_eq!(of(&[("x-cloud-trace-context", ID)]), Trace { id: Some(ID.into()), span: None, sampled: None });
    }

    #[test]
    fn what_is_no_trace_is_none() {
        let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for wrong in ["", "x", "00-1-2-3", "\"}{", &zeros] {
            assert_eq!(of(&[("traceparent", wrong), ("x-cloud-trace-context", wrong)]), Trace::default(), "{wrong}");
        }
    }
}
