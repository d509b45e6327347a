//! Lambda's runtime API (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), as far as one call takes: it hands out one event
//! and takes its answer.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::process::message;

/// What an event comes with. The deadline is in 2100.
const HEADERS: &str = "lambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: 4102444800000\r\n\
    lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:123456789012:function:bench\r\ncontent-type: application/json";

/// For one process and one event; it ends with this value.
pub(crate) struct RuntimeApi {
    pub(crate) at: SocketAddr,
    answers: Receiver<String>,
    is_over: Arc<AtomicBool>,
}

impl RuntimeApi {
    pub(crate) fn with(event: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (at, is_over, event) = (listener.local_addr()?, Arc::<AtomicBool>::default(), Arc::<str>::from(event));
        let (send, answers) = mpsc::channel();
        let over = is_over.clone();
        thread::spawn(move || {
            for line in listener.incoming().flatten().take_while(|_| !over.load(Ordering::Relaxed)) {
                let (event, send) = (event.clone(), send.clone());
                // The process has gone, or goes on without an event.
                thread::spawn(move || drop(serve(line, &event, &send)));
            }
        });
        Ok(Self { at, answers, is_over })
    }

    /// What the process answered.
    pub(crate) fn answer(&self, limit: Duration) -> Result<String> {
        self.answers.recv_timeout(limit).context("the function did not answer")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener; where it cannot be reached it has ended.
        let _woken = TcpStream::connect(self.at);
    }
}

/// One connection: the event once, then its answer. The next event never comes.
fn serve(mut line: TcpStream, event: &str, send: &Sender<String>) -> Result<()> {
    line.set_nodelay(true)?;
    loop {
        let asked = message(&mut line)?;
        let Some((head, body)) = asked.split_once("\r\n\r\n") else { return Ok(()) };
        if head.starts_with("GET ") {
            write!(line, "HTTP/1.1 200 OK\r\n{HEADERS}\r\ncontent-length: {}\r\n\r\n{event}", event.len())?;
            continue;
        }
        send.send(body.to_owned())?;
        line.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
        // The next event never comes: the process asks for it and waits until it is ended.
        while !message(&mut line)?.is_empty() {}
        return Ok(());
    }
}
