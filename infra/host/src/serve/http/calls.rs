//! The requests of one connection: whether there was one, and over HTTP/2, where many go side by side, how many are under way.
//! HTTP/1 has one at a time and times its own idleness.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Version;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// See the module.
#[derive(Clone)]
pub(super) struct Calls(Arc<Counts>);

struct Counts {
    any: AtomicBool,
    /// Begun over HTTP/2, and ended.
    turns: AtomicU64,
    /// The same when [`Calls::were_idle`] looked last.
    seen: AtomicU64,
    /// Begun over HTTP/2, and not yet answered to the last byte.
    under_way: AtomicUsize,
    /// Places for requests over HTTP/2, shared by all connections.
    room: Arc<Semaphore>,
}

impl Calls {
    /// Of a new connection.
    pub(super) fn new(room: Arc<Semaphore>) -> Self {
        let (turns, seen, under_way) = (AtomicU64::new(0), AtomicU64::new(0), AtomicUsize::new(0));
        Self(Arc::new(Counts { any: AtomicBool::new(false), turns, seen, under_way, room }))
    }

    /// Whether there was a request.
    pub(super) fn any(&self) -> bool {
        self.0.any.load(Ordering::Relaxed)
    }

    /// Whether the connection is one of HTTP/2 that had no request under way since this was asked last.
    pub(super) fn were_idle(&self) -> bool {
        let turns = self.0.turns.load(Ordering::Relaxed);
        let seen = self.0.seen.swap(turns, Ordering::Relaxed);
        turns > 0 && turns == seen && self.0.under_way.load(Ordering::Relaxed) == 0
    }

    /// A request came.
    pub(super) fn begin(&self, version: Version) -> Call {
        self.0.any.store(true, Ordering::Relaxed);
        if version != Version::HTTP_2 {
            return Call::Alone;
        }
        self.0.turns.fetch_add(1, Ordering::Relaxed);
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        Call::Beside(UnderWay { counts: self.0.clone(), _place: None })
    }
}

/// A request, until its answer is sent.
pub(super) enum Call {
    /// Over HTTP/1.
    Alone,
    /// Over HTTP/2.
    Beside(UnderWay),
}

/// Counted while it lives.
pub(super) struct UnderWay {
    counts: Arc<Counts>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.counts.turns.fetch_add(1, Ordering::Relaxed);
        self.counts.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Call {
    /// Waits until there is room for it.
    pub(super) async fn admitted(self) -> Self {
        match self {
            Self::Alone => self,
            Self::Beside(mut under_way) => {
                under_way._place = super::taken(&under_way.counts.room).await;
                Self::Beside(under_way)
            }
        }
    }

    /// `response`, under way until its last byte is handed over or nobody wants it any more.
    pub(super) fn until_sent(self, response: Response) -> Response {
        match self {
            Self::Alone => response,
            Self::Beside(under_way) => response.map(|body| Body::new(Sent { body, _under_way: under_way })),
        }
    }
}

/// A body that ends a request with itself.
struct Sent {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
