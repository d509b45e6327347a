//! A gate before moto: it answers so many requests itself, as AWS refuses, and lets all others through.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

/// See the module.
pub(crate) struct Gate {
    pub(crate) addr: SocketAddr,
    answers: Arc<Answers>,
}

struct Answers {
    /// How many are left, their status and their code.
    next: Mutex<(usize, u16, &'static str)>,
    beyond: SocketAddr,
    http: reqwest::Client,
}

impl Gate {
    pub(crate) async fn before(beyond: SocketAddr) -> Self {
        let http = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        let answers = Arc::new(Answers { next: Mutex::new((0, 200, "")), beyond, http });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().fallback(answer).with_state(answers.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { addr, answers }
    }

    /// Answers the next `count` requests by an error.
    pub(crate) fn answer(&self, count: usize, status: u16, code: &'static str) {
        *self.answers.next.lock().unwrap() = (count, status, code);
    }

    /// How many of them nobody has asked for.
    pub(crate) fn left(&self) -> usize {
        self.answers.next.lock().unwrap().0
    }
}

async fn answer(State(answers): State<Arc<Answers>>, request: Request) -> Response {
    let refused = {
        let mut next = answers.next.lock().unwrap();
        let (left, status, code) = *next;
        next.0 = left.saturating_sub(1);
        (left > 0).then_some((status, code))
    };
    if let Some((status, code)) = refused {
        // The same in a header and in the body: AWS's protocols differ in which.
        let body = format!(r#"{{"__type":"{code}","message":"as the test asked"}}"#);
        let kind = [("x-amzn-errortype", code), ("content-type", "application/x-amz-json-1.0")];
        return (StatusCode::from_u16(status).unwrap(), kind, body).into_response();
    }
    let (parts, body) = request.into_parts();
    let url = format!("http://{}{}", answers.beyond, parts.uri);
    let sent = answers.http.request(parts.method, url).headers(parts.headers).body(to_bytes(body, 1 << 24).await.unwrap()).send();
    let came = sent.await.unwrap();
    let (status, headers) = (came.status(), came.headers().clone());
    let mut response = (status, Body::from(came.bytes().await.unwrap())).into_response();
    *response.headers_mut() = headers;
    response
}
