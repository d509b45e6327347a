//! What the owning thread does.
//!
//! An acknowledged position rides on the next commit of readings. It is saved by itself when none comes within
//! [`WriterOptions::ack_within`], or when [`WriterOptions::ack_every`] readings wait for it; what is acknowledged during one save goes with the
//! next.

use std::ops::Range;

use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::{Reply, Request, WriterOptions};
use crate::spool::{Reading, Seq, Spool, SpoolError};

pub(super) struct Worker {
    spool: Box<dyn Spool>,
    inbox: mpsc::Receiver<Request>,
    ends: watch::Sender<Seq>,
    saves: watch::Sender<Seq>,
    options: WriterOptions,
    /// Appends that the next commit answers; their credit returns with the answer.
    group: Vec<Waiting>,
    group_bytes: usize,
    acknowledged: Seq,
    /// When the acknowledged position must be saved, if it moved since the last commit.
    save_by: Option<Instant>,
    /// The last save of the position failed, and the log says so.
    save_failed: bool,
}

struct Waiting {
    places: Range<Seq>,
    reply: Reply<Range<Seq>>,
    _credit: OwnedSemaphorePermit,
}

impl Worker {
    pub(super) fn new(
        spool: Box<dyn Spool>,
        inbox: mpsc::Receiver<Request>,
        (ends, saves): (watch::Sender<Seq>, watch::Sender<Seq>),
        options: WriterOptions,
    ) -> Self {
        let (group, group_bytes) = (Vec::new(), 0);
        Self { spool, inbox, ends, saves, options, group, group_bytes, acknowledged: 0, save_by: None, save_failed: false }
    }

    /// Until every sender is gone; then saves what is left.
    pub(super) async fn run(mut self) {
        self.ends.send_replace(self.spool.stats().end);
        self.tell_saved();
        while let Some(request) = self.next().await {
            if let Some(request) = request {
                self.serve(request);
                self.gather();
            }
            if !self.group.is_empty() || self.save_is_due() {
                self.commit();
            }
        }
        self.commit();
    }

    /// `Some(None)` when the acknowledged position has waited long enough, `None` when every sender is gone.
    async fn next(&mut self) -> Option<Option<Request>> {
        match self.save_by {
            None => self.inbox.recv().await.map(Some),
            Some(by) => match timeout_at(by, self.inbox.recv()).await {
                Ok(request) => request.map(Some),
                Err(_) => Some(None),
            },
        }
    }

    /// What arrived during the previous flush, up to the bound of a group.
    fn gather(&mut self) {
        while self.group_bytes < self.options.group_bytes {
            match self.inbox.try_recv() {
                Ok(request) => self.serve(request),
                Err(_) => return,
            }
        }
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Append { batch, cost, credit, reply } => self.append(&batch, cost, credit, reply),
            Request::Peek { from, limit, reply } => drop(reply.send(self.spool.peek(from, limit))),
            Request::Stats { reply } => drop(reply.send(Ok(self.spool.stats()))),
            Request::Ack { below, reply } => drop(reply.send(self.ack(below))),
        }
    }

    fn append(&mut self, batch: &[Reading], cost: usize, credit: OwnedSemaphorePermit, reply: Reply<Range<Seq>>) {
        match self.spool.append(batch) {
            Ok(places) => {
                self.group_bytes += cost;
                self.group.push(Waiting { places, reply, _credit: credit });
            }
            Err(refusal) => drop(reply.send(Err(refusal))),
        }
    }

    fn ack(&mut self, below: Seq) -> Result<(), SpoolError> {
        self.spool.ack(below)?;
        self.acknowledged = self.acknowledged.max(below.min(*self.ends.borrow()));
        self.save_by.get_or_insert_with(|| Instant::now() + self.options.ack_within);
        // A spool may need no save, and an acknowledged generation brings one with it.
        self.tell_saved();
        Ok(())
    }

    fn save_is_due(&self) -> bool {
        let unsaved = self.acknowledged.saturating_sub(self.spool.saved());
        // After a failure only the clock asks again: the disk is not asked for every acknowledgement.
        let is_wanted = unsaved >= self.options.ack_every && !self.save_failed;
        is_wanted || self.save_by.is_some_and(|by| by <= Instant::now())
    }

    fn commit(&mut self) {
        let outcome = self.spool.commit();
        // The position needs no space and no part of what has just failed: readings that nobody can save do not hold it up.
        let saved = if outcome.is_err() && !self.group.is_empty() { self.spool.commit() } else { outcome.clone() };
        self.note_save(outcome.as_ref().err(), saved.is_ok());
        self.group_bytes = 0;
        for Waiting { places, reply, .. } in self.group.drain(..) {
            let end = places.end;
            let answer = outcome.clone().map(|()| places);
            if answer.is_ok() {
                self.ends.send_replace(end);
            }
            drop(reply.send(answer));
        }
    }

    /// Says what went wrong: of the position once, since it is tried again and again.
    fn note_save(&mut self, error: Option<&SpoolError>, is_saved: bool) {
        let readings = self.group.len();
        match error {
            Some(error) if readings > 0 => tracing::error!(%error, readings, "Could not save readings; their senders are told"),
            Some(error) if !self.save_failed => {
                tracing::error!(%error, "Could not save what was acknowledged; what goes beyond the window waits for that");
            }
            _ => {}
        }
        self.save_failed = !is_saved;
        self.save_by = self.save_failed.then(|| Instant::now() + self.options.ack_within);
        self.tell_saved();
    }

    fn tell_saved(&self) {
        let saved = self.spool.saved();
        self.saves.send_if_modified(|told| saved != std::mem::replace(told, saved));
    }
}
