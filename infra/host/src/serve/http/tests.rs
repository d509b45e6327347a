//! Connections over HTTP/2 in a clock of their own.

use axum::http::StatusCode;
use axum::routing::get;
use hyper::client::conn::http2::{SendRequest, handshake};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

/// A route that takes this long.
const LONG: Duration = Duration::from_secs(400);

struct Line {
    client: SendRequest<Body>,
    server: JoinHandle<()>,
    stop: watch::Sender<bool>,
    /// From now on the client's side neither reads nor writes, and does not go away.
    freeze: Arc<Notify>,
}

async fn line(room: usize) -> Line {
    let long = async || {
        sleep(LONG).await;
        "late"
    };
    let app = Router::new().route("/ok", get(async || "ok")).route("/long", get(long));
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let stop = watch::Sender::new(false);
    let server = tokio::spawn(connection(theirs, app, Calls::new(Arc::new(Semaphore::new(room))), stop.subscribe()));
    let (client, served) = handshake(TokioExecutor::new(), TokioIo::new(ours)).await.unwrap();
    let freeze = Arc::new(Notify::new());
    let frozen = freeze.clone();
    tokio::spawn(async move {
        let mut served = pin!(served);
        tokio::select! {
            _ = served.as_mut() => {}
            () = frozen.notified() => std::future::pending().await,
        }
    });
    Line { client, server, stop, freeze }
}

impl Line {
    fn get(&mut self, path: &str) -> impl Future<Output = StatusCode> + use<> {
        let request = Request::builder().uri(format!("http://h{path}")).body(Body::empty()).unwrap();
        let asked = self.client.send_request(request);
        async move {
            let response = asked.await.unwrap();
            let status = response.status();
            axum::body::to_bytes(Body::new(response.into_body()), 99).await.unwrap();
            status
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_idle_is_told_to_go_and_one_that_waits_for_its_answer_is_not() {
    let mut line = line(9).await;
    let began = Instant::now();
    assert_eq!(line.get("/long").await, 200);
    assert!(began.elapsed() >= LONG && !line.server.is_finished());
    let idle = Instant::now();
    line.server.await.unwrap();
    assert!((NEXT_REQUEST..=3 * NEXT_REQUEST).contains(&idle.elapsed()), "{:?}", idle.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_what_is_idle_at_once_and_what_is_under_way_when_it_is_answered() {
    let mut idle = line(9).await;
    assert_eq!(idle.get("/ok").await, 200);
    let mut busy = line(9).await;
    let under_way = tokio::spawn(busy.get("/long"));
    sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    idle.stop.send_replace(true);
    busy.stop.send_replace(true);
    idle.server.await.unwrap();
    assert!(began.elapsed() < GOODBYE, "{:?}", began.elapsed());
    assert_eq!(under_way.await.unwrap(), 200);
    busy.server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_the_word_to_go_holds_up_nobody() {
    let mut line = line(9).await;
    assert_eq!(line.get("/ok").await, 200);
    line.freeze.notify_one();
    tokio::task::yield_now().await;
    let began = Instant::now();
    line.stop.send_replace(true);
    line.server.await.unwrap();
    assert!(began.elapsed() <= 3 * GOODBYE, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn requests_past_the_room_wait_for_it_and_are_counted() {
    let mut line = line(1).await;
    let before = http_counters().full;
    let first = tokio::spawn(line.get("/long"));
    sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    assert_eq!(line.get("/ok").await, 200);
    assert!(began.elapsed() >= LONG - Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(first.await.unwrap(), 200);
    assert!(http_counters().full > before);
}
