//! When a request is sent again, and when it is not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::{PortError, Timestamp};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{RequestBuilder, Response};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Most attempts of one request.
pub const ATTEMPTS: u32 = 4;
/// No attempt begins later than this after the first: with its own limit of 4 s the answer comes within 15 s.
const LAST_BEGIN: Duration = Duration::from_secs(11);
/// The first wait; each later one is twice as long. Shortened at random by up to a half.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Largest answer: Google's tokens have at most 12 KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What came of a request.
#[derive(Debug)]
pub(super) enum Sent {
    /// An answer that stands: status and body.
    Answer(u16, Vec<u8>),
    /// The server has too much to do, to the end.
    Busy(Duration),
}

/// What came of one attempt that did not stand.
struct Failed {
    reason: String,
    /// The server said that it is busy.
    is_busy: bool,
    retry_after: Option<Duration>,
}

/// Sends until an answer stands; counts every attempt but the first.
pub(super) async fn send(request: impl Fn() -> RequestBuilder, repeats: &AtomicU64) -> Result<Sent, PortError> {
    let begun = Instant::now();
    let mut backoff = FIRST_WAIT;
    for attempt in 1.. {
        let failed = match once(request()).await {
            Ok(sent) => return Ok(sent),
            Err(failed) => failed,
        };
        let wait = failed.retry_after.unwrap_or_else(|| backoff.mul_f64(rand::random_range(0.5..=1.0)));
        if attempt >= ATTEMPTS || begun.elapsed() + wait > LAST_BEGIN {
            return if failed.is_busy { Ok(Sent::Busy(wait)) } else { Err(PortError::passing("token issuer", failed.reason)) };
        }
        repeats.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(wait).await;
        backoff *= 2;
    }
    Err(PortError::passing("token issuer", "no attempt was made"))
}

async fn once(request: RequestBuilder) -> Result<Sent, Failed> {
    // reqwest's messages hold the URL and the cause, never a header or a body.
    let lost = |e: reqwest::Error| Failed { reason: with_causes(&e), is_busy: false, retry_after: None };
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    if matches!(status.as_u16(), 408 | 429) || status.is_server_error() {
        return Err(failed(&response));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            let reason = format!("{}: an answer of more than {MAX_ANSWER_BYTES} bytes", response.url());
            return Err(Failed { reason, is_busy: false, retry_after: None });
        }
    }
    Ok(Sent::Answer(status.as_u16(), body))
}

fn failed(response: &Response) -> Failed {
    let retry_after = retry_after(response.headers());
    let is_busy = response.status().as_u16() == 429 || retry_after.is_some();
    Failed { reason: format!("{} answered {}", response.url(), response.status()), is_busy, retry_after }
}

/// Seconds, or a date by our clock (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = value.parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = OffsetDateTime::parse(value, &Rfc2822).ok()?;
    Some(Timestamp::from_secs(date.unix_timestamp()).since(std::time::SystemTime::now().into()))
}

/// The message and those of its causes: reqwest's own says only that something failed.
fn with_causes(e: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(e.source(), |e| e.source()).map(|c| format!(": {c}"));
    std::iter::once(e.to_string()).chain(causes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let read = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]));
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(read("Wed, 01 Jan 2200 00:00:00 GMT").unwrap() > Duration::from_secs(3_600));
        assert_eq!((read("soon"), read("-1")), (None, None));
    }
}
