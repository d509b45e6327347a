//! What goes wrong on request.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Most faults waiting; more are ignored.
pub(super) const MAX_WAITING: usize = 1_000;

/// How a request shall end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 403, whatever it asks.
    Refuse,
    /// 429, with `Retry-After` if given (whole seconds).
    Throttle(Option<Duration>),
    /// This status with an empty body; no number of a status becomes 500.
    Fail(u16),
    /// 200 with a body that is no answer.
    Garble,
    /// Goes on as usual, after this long.
    Stall(Duration),
}

#[derive(Default)]
pub(super) struct Faults {
    waiting: Mutex<VecDeque<Fault>>,
    exchanges: AtomicU64,
    impersonations: AtomicU64,
}

/// Which service was asked.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    Exchange,
    Impersonation,
    /// At OAuth; not counted.
    Assertion,
}

impl Faults {
    pub(super) fn inject(&self, fault: Fault, times: usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_WAITING.saturating_sub(waiting.len());
        waiting.extend(std::iter::repeat_n(fault, times.min(room)));
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn clear(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn requests(&self) -> (u64, u64) {
        (self.exchanges.load(Ordering::Relaxed), self.impersonations.load(Ordering::Relaxed))
    }

    /// Counts the request, and answers in place of the service if it was told to.
    pub(super) async fn meet(&self, asked: Asked) -> Option<Response> {
        match asked {
            Asked::Exchange => _ = self.exchanges.fetch_add(1, Ordering::Relaxed),
            Asked::Impersonation => _ = self.impersonations.fetch_add(1, Ordering::Relaxed),
            Asked::Assertion => {}
        }
        let fault = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        match fault {
            Fault::Refuse => Some((StatusCode::FORBIDDEN, r#"{"error":"access_denied","error_description":"told to"}"#).into_response()),
            Fault::Throttle(after) => Some(throttled(after)),
            Fault::Fail(status) => Some(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()),
            Fault::Garble => Some("<html>".into_response()),
            Fault::Stall(time) => {
                tokio::time::sleep(time).await;
                None
            }
        }
    }
}

fn throttled(after: Option<Duration>) -> Response {
    let mut response = StatusCode::TOO_MANY_REQUESTS.into_response();
    if let Some(after) = after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    response
}
