//! The loop of one connection. It never waits for a publisher, a record or the device: whatever moves next is
//! handled, so pings, commands and takeovers go on while something else is slow.

mod chores;
mod control;
mod downlink;
mod gateway_errors;
mod inbound;
mod opening;
mod party;
mod published;
mod queue;
mod subscriptions;
mod timers;
mod window;

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use domain::registry::LogLevel;
use futures_util::StreamExt;
use tracing::debug;

use crate::bridge::Bridge;
use crate::ending::Ending;
use crate::limits::OUTBOX_BYTES;
use crate::link::{self, Link, Outbox};
use crate::packet::Wire;
use crate::sessions::Registered;
use crate::signals::Signal;
use chores::{Chores, Look};
use downlink::Downlink;
pub(crate) use opening::Opening;
use party::Parties;
use timers::Timers;
use window::Window;

/// A live connection of a device that was let in.
pub(crate) struct Session {
    bridge: Arc<Bridge>,
    link: Box<dyn Link>,
    wire: Wire,
    inbox: BytesMut,
    outbox: Outbox,
    /// Whom it speaks for.
    parties: Parties,
    is_gateway: bool,
    window: Window,
    downlink: Downlink,
    chores: Chores,
    timers: Timers,
    registered: Registered,
    /// Whether reading was stopped in the last turn.
    full: bool,
}

/// What a turn of the socket brought.
enum Moved {
    Wrote,
    Read(usize),
}

impl Session {
    /// Until the end, whatever it is.
    pub(crate) async fn run(mut self) {
        let version = if self.wire.is_v5() { "let in over MQTT 5" } else { "let in over MQTT 3.1.1" };
        self.parties.own.speaker.log(LogLevel::Info, "CONNECT", version);
        let ending = match self.decode() {
            Ok(()) => loop {
                if let Err(ending) = self.turn().await {
                    break ending;
                }
            },
            Err(ending) => ending,
        };
        self.end(ending).await;
    }

    /// Handles the next thing that moves.
    async fn turn(&mut self) -> Result<(), Ending> {
        self.start()?;
        self.decode()?;
        let may_read = self.may_read();
        tokio::select! {
            // The socket last: a device that never pauses must not keep its own deadlines and commands waiting. All
            // before it come seldom, or only after something was read.
            biased;
            signal = self.registered.signals.next() => self.on_signal(signal)?,
            Some(batch) = self.window.running.next(), if !self.window.running.is_empty() => self.on_published(batch)?,
            () = self.timers.sleep() => self.on_tick(may_read)?,
            Some(chore) = self.chores.running.next(), if !self.chores.running.is_empty() => self.on_chore(chore)?,
            Some(order) = self.registered.orders.recv(), if self.outbox.bytes.len() < OUTBOX_BYTES => self.on_order(*order),
            moved = poll_fn(|cx| poll_socket(&mut *self.link, &mut self.outbox, &mut self.inbox, may_read, cx)) => match moved {
                Ok(Moved::Read(0)) => return Err(Ending::Lost("end of stream".into())),
                Ok(Moved::Read(_)) => self.timers.heard(),
                Ok(Moved::Wrote) => self.timers.wrote(),
                Err(e) if self.link.is_violation(&e) => return Err(Ending::Malformed(e.to_string())),
                Err(e) => return Err(Ending::Lost(e.to_string())),
            },
        }
        Ok(())
    }

    /// Whether the next bytes may be read. Not while the window and what is held beyond it are full: TCP tells the
    /// device to slow down, and memory stays what it is.
    fn may_read(&mut self) -> bool {
        let may = self.window.has_room() && self.outbox.bytes.len() < OUTBOX_BYTES;
        if self.full == may {
            self.full = !may;
            self.bridge.counters.window_full.add(usize::from(!may));
        }
        may
    }

    fn on_signal(&mut self, signal: Signal) -> Result<(), Ending> {
        match signal {
            Signal::TakenOver => Err(Ending::TakenOver),
            Signal::Shutdown => Err(Ending::Shutdown),
            Signal::Changed => {
                let own = self.parties.own.place;
                self.read_records(Look::All);
                self.read_config(own);
                self.deliver_queued(own);
                Ok(())
            }
            Signal::Attached => {
                self.on_attached_signals();
                Ok(())
            }
        }
    }

    /// What attached devices are told.
    fn on_attached_signals(&mut self) {
        for (place, is_taken_over) in self.registered.signals.take_attached() {
            if is_taken_over {
                self.break_off(place, &Ending::TakenOver);
            } else {
                self.check_attached([place]);
                self.read_config(place);
                self.deliver_queued(place);
            }
        }
    }

    /// Finishes what may be finished, says why, writes it down, closes.
    async fn end(mut self, ending: Ending) {
        self.registered.refuse_orders();
        if ending.lets_finish() {
            let limit = self.bridge.limits.drain;
            // What is not finished in time stays unacknowledged: the device sends it again.
            let _in_time = tokio::time::timeout(limit, self.finish()).await;
        }
        ending.counter(&self.bridge.counters).one();
        self.bridge.counters.qos0_lost.add(self.window.not_resent());
        let key = self.parties.own.speaker.key.clone();
        debug!(device.id = %key.id, "Session of `{key}` ended: {ending}");
        let level = if ending.status().is_some() { LogLevel::Error } else { LogLevel::Info };
        self.parties.own.speaker.log(level, "DISCONNECT", &ending.to_string());
        self.wire.disconnect(&mut self.outbox.bytes, &ending);
        self.link.say_at_close(matches!(ending, Ending::Shutdown), &ending.to_string());
        let Session { bridge, link, outbox, parties, registered, .. } = self;
        // What is attached goes with the connection.
        drop(parties);
        let noted = async {
            let Some(status) = ending.status() else { return };
            if let Err(e) = bridge.fanout.statuses.error(&key, status).await {
                bridge.records_failed(&e);
            }
        };
        tokio::join!(link::close(link, outbox.bytes), noted);
        drop(registered);
    }

    /// Publishes what was taken and acknowledges it. Ends early when a publish or the connection fails.
    async fn finish(&mut self) {
        let mut connected = true;
        while self.window.has_work() || (connected && !self.outbox.is_empty()) {
            if self.start().is_err() {
                return;
            }
            tokio::select! {
                biased;
                Signal::TakenOver = self.registered.signals.next() => return,
                Some(batch) = self.window.running.next(), if !self.window.running.is_empty() => {
                    if self.on_published(batch).is_err() {
                        return;
                    }
                }
                Some(chore) = self.chores.running.next(), if self.window.barred => {
                    if self.on_chore(chore).is_err() {
                        return;
                    }
                }
                moved = poll_fn(|cx| poll_socket(&mut *self.link, &mut self.outbox, &mut self.inbox, false, cx)), if connected => {
                    connected = moved.is_ok();
                }
            }
        }
    }
}

/// Writes first, so that acknowledgements of a burst leave together; then reads, if that is allowed.
fn poll_socket(
    link: &mut dyn Link,
    outbox: &mut Outbox,
    inbox: &mut BytesMut,
    may_read: bool,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Moved>> {
    if !outbox.is_empty()
        && let Poll::Ready(wrote) = outbox.poll_write(link, cx)
    {
        return Poll::Ready(wrote.map(|()| Moved::Wrote));
    }
    if !may_read {
        return Poll::Pending;
    }
    let read = ready!(link::poll_read(link, cx, inbox))?;
    Poll::Ready(Ok(Moved::Read(read)))
}
