//! Takes readings out of the spool and sends them, in order, until the cloud has each one.
//!
//! # Promise
//! - A reading is acknowledged to the spool only when the cloud has it and every reading before it.
//! - At most a window of readings is sent twice, after a cut of the line as after a `kill -9` or a power cut: from the first
//!   reading whose acknowledgement the disk does not have to the last one sent there are never more than
//!   [`Settings::window`]. So a disk that cannot save acknowledgements stops the drain. A renewal of the token or a stop whose
//!   acknowledgements came in time sends none twice.
//! - It never gives up. It waits by [`Backoff`] between attempts, which one CONNACK does not reset.
//! - A reading that ends [`Settings::refusals`] connections in a row, while it is the only one under way, is set aside
//!   ([`refused`]) and counted: it cannot stop the readings behind it.

mod feed;
mod outage;
pub mod refused;
mod suspicion;
mod under_way;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::downlink::{Downlink, Taken};
use crate::link::{Event, Link, LinkError, Receipt, Session};
use crate::spool::{Seq, Tail};
use crate::status::{LinkState, LinkStatus};
use feed::{Acker, Feed};
use outage::Outage;
use refused::Refused;
use suspicion::Suspicion;
use under_way::{Allowed, UnderWay};

/// What bounds a drain.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Readings that a crash may make it send again. No more are under way either.
    pub window: usize,
    /// Payload bytes that may be under way; one reading always may.
    pub window_bytes: usize,
    /// How long a stop or a renewal waits for the acknowledgements under way.
    pub drain_timeout: Duration,
    /// Connections in a row that one reading may end before it is set aside.
    pub refusals: u32,
}

/// See the module.
pub struct Drain<L> {
    link: L,
    backoff: Backoff,
    settings: Settings,
    status: Arc<LinkStatus>,
    downlink: Arc<Downlink>,
    refused: Refused,
    stop: CancellationToken,
    feed: Feed,
    acker: Acker,
    under_way: UnderWay,
    suspicion: Suspicion,
    /// The last attempt failed because of our clock; a second one in a row is an error like any other.
    clock_was_wrong: bool,
    outage: Outage,
}

/// Why a session is over.
enum End {
    /// Planned: the token is to be renewed.
    Renew,
    /// The shim stops.
    Stop,
    /// Not planned.
    Error(LinkError),
}

/// What the drain shares with the rest.
pub struct Shared {
    /// Where it shows how it is doing.
    pub status: Arc<LinkStatus>,
    /// Who takes configurations and commands.
    pub downlink: Arc<Downlink>,
    /// Cancelled when the shim stops.
    pub stop: CancellationToken,
}

impl<L: Link> Drain<L> {
    /// A drain of `tail` over `link`. Call it on a runtime: it starts two tasks that end with it.
    pub fn new(tail: &Tail, link: L, backoff: Backoff, settings: Settings, refused: Refused, shared: Shared) -> Self {
        Self {
            link,
            backoff,
            settings,
            status: shared.status,
            downlink: shared.downlink,
            refused,
            stop: shared.stop,
            feed: Feed::start(tail.clone()),
            acker: Acker::start(tail.clone()),
            under_way: UnderWay::default(),
            suspicion: Suspicion::new(settings.refusals),
            clock_was_wrong: false,
            outage: Outage::default(),
        }
    }

    /// Until stopped; every acknowledgement that came has then been handed to the spool.
    pub async fn run(mut self) {
        while !self.stop.is_cancelled() {
            self.status.set(LinkState::Connecting);
            let stop = self.stop.clone();
            let attempt = tokio::select! {
                attempt = self.link.connect() => attempt,
                () = stop.cancelled() => break,
            };
            match attempt {
                Ok(session) => self.hold(session).await,
                Err(LinkError::Refused { clock_corrected: true, reason, .. }) if !self.clock_was_wrong => {
                    self.clock_was_wrong = true;
                    tracing::info!(%reason, "The device's clock is wrong; connecting again with the cloud's time");
                }
                Err(error) => self.wait(&error).await,
            }
        }
        self.status.set(LinkState::Stopped);
        self.acker.finish().await;
    }

    /// Holds a session to its end, and says why it ended.
    async fn hold(&mut self, mut session: L::Session) {
        let since = Instant::now();
        self.clock_was_wrong = false;
        self.status.connected(session.window());
        tracing::info!(window = session.window(), "Connected");
        let end = self.serve(&mut session).await;
        self.backoff.link_was_up(since.elapsed());
        match end {
            End::Renew | End::Stop => session.close().await,
            End::Error(error) => {
                drop(session);
                if since.elapsed() >= self.settings.drain_timeout {
                    self.outage = Outage::default();
                }
                if error.is_about_a_reading() {
                    self.strike(&error.to_string());
                }
                self.under_way.all_unsent();
                self.status.set_in_flight(0);
                if error.is_orderly() && self.backoff.link_ended_in_order(since.elapsed()) {
                    self.pause(&error).await;
                } else {
                    self.wait(&error).await;
                }
            }
        }
        self.under_way.all_unsent();
        self.status.set_in_flight(0);
    }

    async fn serve(&mut self, session: &mut L::Session) -> End {
        let mut commands = self.downlink.commands_wanted();
        if *commands.borrow() {
            commands.mark_changed();
        }
        let mut receipts = FuturesUnordered::new();
        let (mut ending, mut give_up_at): (Option<End>, Instant) = (None, session.renew_at());
        loop {
            if ending.is_none() {
                self.fill(session);
            } else if self.under_way.sent() == 0 {
                return ending.unwrap_or(End::Stop);
            }
            self.status.set_in_flight(self.under_way.sent());
            tokio::select! {
                event = session.next() => match event {
                    Ok(event) => if let Some((taken, receipt)) = self.on_event(session, event).await {
                        receipts.push(async move { taken.await.map(|()| receipt).ok() });
                    },
                    Err(error) => return End::Error(error),
                },
                () = self.acker.saved_moved(), if ending.is_none() => {}
                () = self.feed.more(), if ending.is_none() && self.under_way.wants_more() => {}
                Some(taken) = receipts.next() => if let Some(receipt) = taken { session.acknowledge(receipt) },
                Ok(()) = commands.changed() => session.want_commands(*commands.borrow_and_update()),
                () = sleep_until(give_up_at) => match ending.take() {
                    None => (ending, give_up_at) = (Some(End::Renew), Instant::now() + self.settings.drain_timeout),
                    Some(end) => return end,
                },
                () = self.stop.cancelled(), if !matches!(ending, Some(End::Stop)) => {
                    (ending, give_up_at) = (Some(End::Stop), Instant::now() + self.settings.drain_timeout);
                }
            }
        }
    }

    /// Queues what the window has room for.
    fn fill(&mut self, session: &mut L::Session) {
        self.under_way.saved(self.acker.saved());
        loop {
            while let Some(stored) = self.feed.pop_if(|| self.under_way.wants_more()) {
                self.under_way.push(stored);
            }
            let allowed = self.allowed(session.window());
            let others = self.under_way.sent();
            let Some(stored) = self.under_way.next_to_send(allowed) else { return };
            match session.publish(stored) {
                Ok(()) => self.under_way.mark_sent(),
                // Set aside in its turn, so that places set aside only grow.
                Err(_) if others > 0 => return,
                Err(error) => {
                    let seq = stored.seq;
                    if !self.set_aside(seq, &error.to_string()) {
                        return;
                    }
                }
            }
        }
    }

    fn allowed(&self, window: usize) -> Allowed {
        let repeats = self.settings.window;
        match self.under_way.oldest() {
            Some(oldest) if self.suspicion.falls_on(oldest.seq) => Allowed { window: 1, bytes: usize::MAX, repeats },
            _ => Allowed { window, bytes: self.settings.window_bytes, repeats },
        }
    }

    /// A command that somebody may take, with what to acknowledge it with then.
    async fn on_event(&mut self, session: &mut L::Session, event: Event) -> Option<(Taken, Receipt)> {
        match event {
            Event::Acked(seq) => self.acked(seq),
            Event::Config(payload, receipt) => match (self.downlink.store_config(payload).await, receipt) {
                (Ok(()), Some(receipt)) => session.acknowledge(receipt),
                (Ok(()), None) => {}
                (Err(error), _) => tracing::error!(%error, "Could not keep the configuration; the cloud will send it again"),
            },
            Event::Command(subfolder, payload, receipt) => {
                let taken = self.downlink.deliver(subfolder, payload);
                return receipt.map(|receipt| (taken, receipt));
            }
        }
        None
    }

    fn acked(&mut self, seq: Seq) {
        self.suspicion.clear(seq);
        if let Some(below) = self.under_way.acked(seq) {
            self.acker.ack(below);
        }
    }

    /// The cloud ended the connection because of a payload.
    fn strike(&mut self, reason: &str) {
        let convicted = self.suspicion.strike(self.under_way.sent(), self.under_way.last_sent());
        if let Some(seq) = self.under_way.oldest().filter(|_| convicted).map(|stored| stored.seq) {
            let _done = self.set_aside(seq, reason);
        }
    }

    /// Whether it is done.
    fn set_aside(&mut self, seq: Seq, reason: &str) -> bool {
        let Some(stored) = self.under_way.find(seq) else { return false };
        let reading = crate::link::reading_id(stored.boot, stored.seq);
        match self.refused.set_aside(stored, reason) {
            Ok(()) => {
                tracing::warn!(%reading, reason, "The cloud refuses a reading; it is set aside and counted as evicted");
                self.acked(seq);
                true
            }
            Err(error) => {
                tracing::error!(%reading, %error, "Could not set a refused reading aside; it is tried again");
                false
            }
        }
    }

    /// Waits after an end that is no loss.
    async fn pause(&mut self, error: &LinkError) {
        let wait = self.backoff.next_wait();
        self.status.pausing(wait);
        tracing::info!(reason = %error, ?wait, "The bridge ended the session in order; connecting again");
        tokio::select! {
            () = sleep(wait) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Waits before the next attempt, and says why: once per reason.
    async fn wait(&mut self, error: &LinkError) {
        let wait = self.backoff.next_wait();
        self.status.down(&error.to_string(), wait);
        self.outage.say(error, wait);
        tokio::select! {
            () = sleep(wait) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests;
