//! The two tasks between the drain and the spool: one reads ahead, the other hands acknowledgements back.
//! With them a slow disk delays neither pings nor acknowledgements.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::spool::{PeekLimit, Seq, SpoolError, Stored, Tail};

/// One read from the spool; at most two wait beside the one in use.
const READ_AHEAD: PeekLimit = PeekLimit { readings: 256, bytes: 256 << 10 };
/// How long to wait before a disk that cannot be read is asked again.
const AFTER_A_DISK_ERROR: Duration = Duration::from_secs(1);

/// Readings in order from the oldest held, read ahead.
pub(super) struct Feed {
    batches: mpsc::Receiver<Vec<Stored>>,
    ready: VecDeque<Stored>,
    task: JoinHandle<()>,
}

impl Feed {
    pub(super) fn start(tail: Tail) -> Self {
        let (out, batches) = mpsc::channel(1);
        Self { batches, ready: VecDeque::new(), task: tokio::spawn(read_ahead(tail, out)) }
    }

    /// Resolves when there is a further reading; may be dropped and called again. Never resolves once the spool is
    /// closed.
    pub(super) async fn more(&mut self) {
        while self.ready.is_empty() {
            match self.batches.recv().await {
                Some(batch) => self.ready.extend(batch),
                None => std::future::pending().await,
            }
        }
    }

    /// The next reading if it is there and `wanted`.
    pub(super) fn pop_if(&mut self, wanted: impl FnOnce() -> bool) -> Option<Stored> {
        if self.ready.is_empty()
            && let Ok(batch) = self.batches.try_recv()
        {
            self.ready.extend(batch);
        }
        if wanted() { self.ready.pop_front() } else { None }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read_ahead(mut tail: Tail, out: mpsc::Sender<Vec<Stored>>) {
    let mut from: Seq = 0;
    while let Ok(end) = tail.wait(from).await {
        match tail.peek(from, READ_AHEAD).await {
            Ok(batch) => {
                from = batch.last().map_or(end, |last| last.seq + 1);
                if !batch.is_empty() && out.send(batch).await.is_err() {
                    return;
                }
            }
            Err(SpoolError::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "Could not read the spool; trying again");
                tokio::time::sleep(AFTER_A_DISK_ERROR).await;
            }
        }
    }
}

/// Hands the spool the newest acknowledged place; places in between are skipped while the disk is busy. Knows how far the
/// spool has saved it.
pub(super) struct Acker {
    below: watch::Sender<Seq>,
    spool: Tail,
    task: JoinHandle<()>,
}

impl Acker {
    pub(super) fn start(tail: Tail) -> Self {
        let (below, places) = watch::channel(0);
        Self { below, spool: tail.clone(), task: tokio::spawn(hand_back(tail, places)) }
    }

    pub(super) fn ack(&self, below: Seq) {
        self.below.send_replace(below);
    }

    /// No crash brings back what is below this place.
    pub(super) fn saved(&self) -> Seq {
        self.spool.saved()
    }

    /// Resolves when that has moved; may be dropped and called again. Never resolves once the spool is closed.
    pub(super) async fn saved_moved(&mut self) {
        if self.spool.saved_moved().await.is_err() {
            std::future::pending().await
        }
    }

    /// Resolves when the last place has been handed over.
    pub(super) async fn finish(self) {
        drop(self.below);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "The acknowledging task failed");
        }
    }
}

async fn hand_back(tail: Tail, mut places: watch::Receiver<Seq>) {
    while places.changed().await.is_ok() {
        let below = *places.borrow_and_update();
        while let Err(error) = tail.ack(below).await {
            tracing::error!(%error, "The spool could not take an acknowledgement; trying again");
            tokio::time::sleep(AFTER_A_DISK_ERROR).await;
            // The drain has ended. What is not saved comes again, within the window.
            if error == SpoolError::Closed || places.has_changed().is_err() {
                return;
            }
        }
    }
}
