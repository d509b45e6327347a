//! A service that refuses everything, over gRPC and over HTTP with JSON.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

/// How it refuses.
#[derive(Clone, Copy)]
pub(crate) enum With {
    /// By this status of gRPC, in headers alone ("trailers-only", grpc/doc/PROTOCOL-HTTP2.md).
    Grpc(u8),
    /// By this status of HTTP, with Google's body.
    Http(u16),
}

/// RESOURCE_EXHAUSTED: throttled.
pub(crate) const THROTTLED: With = With::Grpc(8);
/// PERMISSION_DENIED.
pub(crate) const DENIED: With = With::Grpc(7);

/// See the module.
pub(crate) struct Refusing {
    pub(crate) addr: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Refusing {
    pub(crate) async fn all(with: With) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(refuse).with_state((with, asked.clone()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { addr, asked }
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn refuse(State((with, asked)): State<(With, Arc<AtomicUsize>)>, request: Request) -> Response {
    // What was sent is read: a client that is refused while it sends may not hear it.
    let _sent = axum::body::to_bytes(request.into_body(), 1 << 26).await;
    asked.fetch_add(1, Ordering::SeqCst);
    match with {
        With::Grpc(code) => {
            let (code, text) = (code.to_string(), "as the test asked");
            [("content-type", "application/grpc"), ("grpc-status", &code), ("grpc-message", text)].into_response()
        }
        With::Http(status) => {
            let body = serde_json::json!({ "error": { "code": status, "message": "as the test asked" } });
            (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
        }
    }
}
