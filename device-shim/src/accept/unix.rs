//! The Unix socket of `drawbridge-shim send` and `status`, for any program that speaks lines.
//!
//! A request is a line of JSON of at most [`MAX_HEADER_BYTES`], then `len` bytes of payload:
//! ```text
//! {"kind":"events","subfolder":"indoor","len":5}\n21.5C
//! {"kind":"state","len":2}\nok
//! {"kind":"status"}\n
//! ```
//! Requests may follow each other without waiting. Each gets one line, in order: `{"boot":1,"seq":2}` once its reading
//! is durable, the report for `status`, or `{"error":"…"}`. After an error in a request's form, rather than in its
//! reading, the connection is closed.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use protocol::limits::MAX_EVENT_BYTES;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::listener::Capped;
use super::{Intake, Refusal};
use crate::status::Sources;

/// The longest first line of a request.
pub const MAX_HEADER_BYTES: u64 = 4 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    kind: String,
    #[serde(default)]
    subfolder: String,
    #[serde(default)]
    len: usize,
}

type Answer = BoxFuture<'static, Value>;

/// Serves one connection to its end, or until `stop`; what was read by then is answered.
pub async fn serve(io: Capped<UnixStream>, intake: Intake, status: Sources, max_in_flight: usize, stop: CancellationToken) {
    let (io, _open) = io.split();
    let (read, write) = io.into_split();
    let (answers, queue) = mpsc::channel(1);
    tokio::join!(read_requests(read, intake, status, answers, stop), write_answers(write, queue, max_in_flight));
}

async fn read_requests(read: OwnedReadHalf, intake: Intake, status: Sources, answers: mpsc::Sender<Answer>, stop: CancellationToken) {
    let mut read = BufReader::new(read);
    loop {
        let (answer, more) = tokio::select! {
            next = next(&mut read, &intake, &status) => next,
            () = stop.cancelled() => return,
        };
        let Some(answer) = answer else { return };
        if answers.send(answer).await.is_err() || !more {
            return;
        }
    }
}

async fn write_answers(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Answer>, max_in_flight: usize) {
    let mut under_way = FuturesOrdered::new();
    let mut open = true;
    while open || !under_way.is_empty() {
        let answer = tokio::select! {
            Some(answer) = under_way.next() => answer,
            answer = queue.recv(), if open && under_way.len() < max_in_flight => {
                match answer {
                    Some(answer) => under_way.push_back(answer),
                    None => open = false,
                }
                continue;
            }
        };
        if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The answer to the next request, and whether another may follow.
async fn next(read: &mut BufReader<OwnedReadHalf>, intake: &Intake, status: &Sources) -> (Option<Answer>, bool) {
    let mut line = Vec::new();
    match read.take(MAX_HEADER_BYTES).read_until(b'\n', &mut line).await {
        Ok(0) | Err(_) => return (None, false),
        Ok(_) if line.last() != Some(&b'\n') => {
            return (Some(refuse(format!("the first line exceeds {MAX_HEADER_BYTES} bytes or has no end"))), false);
        }
        Ok(_) => {}
    }
    let header: Header = match serde_json::from_slice(&line) {
        Ok(header) => header,
        Err(error) => return (Some(refuse(format!("the first line is not a request: {error}"))), false),
    };
    if header.len > MAX_EVENT_BYTES {
        return (Some(refuse(format!("a payload of {} bytes exceeds the limit of {MAX_EVENT_BYTES} bytes", header.len))), false);
    }
    let mut payload = vec![0; header.len];
    if read.read_exact(&mut payload).await.is_err() {
        return (Some(refuse(format!("the payload ended before its {} bytes", header.len))), false);
    }
    answer(header, payload.into(), intake, status)
}

fn answer(header: Header, payload: Bytes, intake: &Intake, status: &Sources) -> (Option<Answer>, bool) {
    let reading = match header.kind.as_str() {
        "events" => intake.event(&header.subfolder, payload),
        "state" => intake.state(payload),
        "status" => {
            let status = status.clone();
            return (Some(Box::pin(async move { report(&status).await })), true);
        }
        other => return (Some(refuse(format!("kind `{other}` is unknown: use events, state or status"))), false),
    };
    let intake = intake.clone();
    let kept = async move {
        let kept: Result<_, Refusal> = match reading {
            Ok(reading) => intake.keep(reading).await,
            Err(refusal) => Err(refusal),
        };
        kept.map_or_else(|refusal| json!({"error": refusal.to_string()}), |id| json!({"boot": id.boot, "seq": id.seq}))
    };
    (Some(Box::pin(kept)), true)
}

async fn report(status: &Sources) -> Value {
    match status.report().await {
        Ok(report) => json!(report),
        Err(error) => json!({"error": error.to_string()}),
    }
}

fn refuse(text: String) -> Answer {
    Box::pin(std::future::ready(json!({ "error": text })))
}
