//! What the owning thread does.

use std::ops::Range;

use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, timeout_at};

use super::{Reply, Request, WriterOptions};
use crate::spool::{Reading, Seq, Spool};

pub(super) struct Worker {
    spool: Box<dyn Spool>,
    inbox: mpsc::Receiver<Request>,
    ends: watch::Sender<Seq>,
    options: WriterOptions,
    /// Appends that the next commit answers; their credit returns with the answer.
    group: Vec<Waiting>,
    group_bytes: usize,
    /// When the acknowledged position must be saved, if it moved since the last commit.
    save_by: Option<Instant>,
}

struct Waiting {
    places: Range<Seq>,
    reply: Reply<Range<Seq>>,
    _credit: OwnedSemaphorePermit,
}

impl Worker {
    pub(super) fn new(spool: Box<dyn Spool>, inbox: mpsc::Receiver<Request>, ends: watch::Sender<Seq>, options: WriterOptions) -> Self {
        Self { spool, inbox, ends, options, group: Vec::new(), group_bytes: 0, save_by: None }
    }

    /// Until every sender is gone; then saves what is left.
    pub(super) async fn run(mut self) {
        self.ends.send_replace(self.spool.stats().end);
        while let Some(request) = self.next().await {
            if let Some(request) = request {
                self.serve(request);
                self.gather();
            }
            let due = self.save_by.is_some_and(|by| by <= Instant::now());
            if due || !self.group.is_empty() {
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
            Request::Ack { below, reply } => {
                let outcome = self.spool.ack(below);
                self.save_by.get_or_insert_with(|| Instant::now() + self.options.ack_within);
                drop(reply.send(outcome));
            }
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

    fn commit(&mut self) {
        let outcome = self.spool.commit();
        self.save_by = None;
        self.group_bytes = 0;
        if let Err(error) = &outcome {
            tracing::error!(%error, readings = self.group.len(), "Could not save readings; their senders are told");
        }
        for Waiting { places, reply, .. } in self.group.drain(..) {
            let end = places.end;
            let answer = outcome.clone().map(|()| places);
            if answer.is_ok() {
                self.ends.send_replace(end);
            }
            drop(reply.send(answer));
        }
    }
}
