//! The asynchronous front of a spool: one thread owns it, everybody else sends to that thread.
//!
//! A group is what arrived during the previous flush, at most [`WriterOptions::group_bytes`]; its appends become
//! durable with one flush and are answered together. Readings wait in a queue bounded in bytes and in requests; when
//! it is full, [`Writer::append`] waits for room (back-pressure, counted by [`Writer::waits`]) and loses nothing.

mod worker;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::{PeekLimit, Reading, Seq, Spool, SpoolError, SpoolStats, Stored};

/// Bounds of the queue in front of a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// Bytes of readings that may wait or be in the group being flushed. Default 4 MiB.
    pub queue_bytes: u32,
    /// Requests that may wait: appends, peeks and acknowledgements. Default 4,096.
    pub queue_requests: usize,
    /// Bytes of readings after which a group is flushed though more are waiting. Default 256 KiB.
    pub group_bytes: usize,
    /// How long an acknowledged position may wait for a commit to ride on. Default 500 ms.
    pub ack_within: Duration,
    /// Acknowledged readings after which it waits no longer: whoever counts a window from [`Tail::saved`] needs it moved.
    /// Default 50, half of a window of 100.
    pub ack_every: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { queue_bytes: 4 << 20, queue_requests: 4_096, group_bytes: 256 << 10, ack_within: Duration::from_millis(500), ack_every: 50 }
    }
}

/// Where readings are handed in. Cheap to clone; the spool closes when the last [`Writer`] and [`Tail`] are gone.
#[derive(Clone)]
pub struct Writer {
    requests: mpsc::Sender<Request>,
    credit: Arc<Semaphore>,
    queue_bytes: u32,
    end: watch::Receiver<Seq>,
    saved: watch::Receiver<Seq>,
    waits: Arc<AtomicU64>,
}

/// Where readings are taken out: the drain's side. Cheap to clone, though only one drain may acknowledge.
#[derive(Clone)]
pub struct Tail {
    requests: mpsc::Sender<Request>,
    end: watch::Receiver<Seq>,
    saved: watch::Receiver<Seq>,
}

/// What the owning thread is asked.
enum Request {
    Append { batch: Vec<Reading>, cost: usize, credit: OwnedSemaphorePermit, reply: Reply<Range<Seq>> },
    Peek { from: Seq, limit: PeekLimit, reply: Reply<Vec<Stored>> },
    Ack { below: Seq, reply: Reply<()> },
    Stats { reply: Reply<SpoolStats> },
}

type Reply<T> = oneshot::Sender<Result<T, SpoolError>>;

impl Writer {
    /// Starts the thread that owns `spool` from now on. Join the handle after dropping every `Writer` and [`Tail`] to
    /// wait for the last commit.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(spool: Box<dyn Spool>, options: WriterOptions) -> io::Result<(Self, JoinHandle<()>)> {
        let (requests, inbox) = mpsc::channel(options.queue_requests.max(1));
        let (ends, end) = watch::channel(0);
        let (saves, saved) = watch::channel(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new()
            .name("spool".into())
            .spawn(move || runtime.block_on(worker::Worker::new(spool, inbox, (ends, saves), options).run()))?;
        let credit = Arc::new(Semaphore::new(options.queue_bytes as usize));
        let waits = Arc::default();
        Ok((Self { requests, credit, queue_bytes: options.queue_bytes, end, saved, waits }, thread))
    }

    /// Resolves when every reading of `batch` is durable, with their places. On `Err` none of them is promised.
    /// Dropping the future may leave the batch to be accepted.
    ///
    /// # Errors
    /// As [`Spool::append`] and [`Spool::commit`]; [`SpoolError::Closed`] when the spool's thread has ended.
    pub async fn append(&self, batch: Vec<Reading>) -> Result<Range<Seq>, SpoolError> {
        let cost = batch.iter().map(Reading::cost).sum();
        let credit = self.credit(cost).await?;
        ask(&self.requests, |reply| Request::Append { batch, cost, credit, reply }).await
    }

    /// As [`Spool::stats`].
    ///
    /// # Errors
    /// [`SpoolError::Closed`] when the spool's thread has ended.
    pub async fn stats(&self) -> Result<SpoolStats, SpoolError> {
        ask(&self.requests, |reply| Request::Stats { reply }).await
    }

    /// The drain's side.
    #[must_use]
    pub fn tail(&self) -> Tail {
        Tail { requests: self.requests.clone(), end: self.end.clone(), saved: self.saved.clone() }
    }

    /// How many appends had to wait for room in the queue.
    #[must_use]
    pub fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    async fn credit(&self, cost: usize) -> Result<OwnedSemaphorePermit, SpoolError> {
        let permits = u32::try_from(cost).unwrap_or(u32::MAX).min(self.queue_bytes);
        if let Ok(credit) = Arc::clone(&self.credit).try_acquire_many_owned(permits) {
            return Ok(credit);
        }
        self.waits.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&self.credit).acquire_many_owned(permits).await.map_err(|_| SpoolError::Closed)
    }
}

impl Tail {
    /// As [`Spool::peek`]: the committed readings at `from` and after it; from 0 for the oldest held.
    ///
    /// # Errors
    /// As [`Spool::peek`]; [`SpoolError::Closed`] when the spool's thread has ended.
    pub async fn peek(&self, from: Seq, limit: PeekLimit) -> Result<Vec<Stored>, SpoolError> {
        ask(&self.requests, |reply| Request::Peek { from, limit, reply }).await
    }

    /// As [`Spool::ack`]: gives up every reading below `below`.
    ///
    /// # Errors
    /// As [`Spool::ack`]; [`SpoolError::Closed`] when the spool's thread has ended.
    pub async fn ack(&self, below: Seq) -> Result<(), SpoolError> {
        ask(&self.requests, |reply| Request::Ack { below, reply }).await
    }

    /// As [`Spool::saved`].
    #[must_use]
    pub fn saved(&self) -> Seq {
        *self.saved.borrow()
    }

    /// Resolves when [`saved`](Self::saved) has moved since this was last asked. May be dropped and called again.
    ///
    /// # Errors
    /// [`SpoolError::Closed`] when the spool's thread has ended.
    pub async fn saved_moved(&mut self) -> Result<(), SpoolError> {
        self.saved.changed().await.map_err(|_| SpoolError::Closed)
    }

    /// Resolves at once when a reading at `from` or after it is committed, otherwise when one is, with the place after
    /// the last committed one.
    ///
    /// # Errors
    /// [`SpoolError::Closed`] when the spool's thread has ended.
    pub async fn wait(&mut self, from: Seq) -> Result<Seq, SpoolError> {
        self.end.wait_for(|end| *end > from).await.map(|end| *end).map_err(|_| SpoolError::Closed)
    }
}

async fn ask<T>(requests: &mpsc::Sender<Request>, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, SpoolError> {
    let (reply, answer) = oneshot::channel();
    requests.send(request(reply)).await.map_err(|_| SpoolError::Closed)?;
    answer.await.map_err(|_| SpoolError::Closed)?
}
