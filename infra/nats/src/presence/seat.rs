//! One session's place on the bus. One subscription brings all three kinds: a tenth of a session's memory, not a third.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_nats::{Message, Subscriber};
use domain::ports::LiveSession;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{oneshot, watch};
use tokio::time::{Duration, Instant, sleep_until};

use super::farewell::Farewell;
use crate::bus::{Bus, Link};
use crate::subject;
use crate::wire::{Answer, Request, Stamp, WireError};

/// Commands of one session that may be in hand: more than the bridge itself lets a device have. Past it: "busy". Past twice
/// as many, when not even that can be said, nothing more is read and the queue drops and counts.
const IN_HAND: usize = 32;

/// When the bus is back every session reads its records again, since a hint may have been lost: so many sessions of a node
/// in a second, that the record store is not overrun.
const LOOKS_PER_SEC: u32 = 500;

pub(super) struct Seat {
    bus: Arc<Bus>,
    link: watch::Receiver<Link>,
    token: String,
    stamp: Stamp,
    session: Arc<dyn LiveSession>,
    /// Told when the server has shown that it knows us.
    confirm: Option<oneshot::Sender<()>>,
    /// When to read the records again.
    look_at: Option<Instant>,
    /// Messages that came.
    taken: u64,
    /// Commands under way, and what is being sent.
    running: FuturesUnordered<BoxFuture<'static, ()>>,
}

/// What it is about: `command`, `config`, …
pub(super) fn kind(message: &Message) -> &str {
    message.subject.split('.').next().unwrap_or_default()
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.bus.seats.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Seat {
    pub(super) fn new(bus: Arc<Bus>, token: String, stamp: Stamp, session: Arc<dyn LiveSession>, confirm: oneshot::Sender<()>) -> Self {
        bus.seats.fetch_add(1, Ordering::Relaxed);
        let link = bus.link.clone();
        Self { bus, link, token, stamp, session, confirm: Some(confirm), look_at: None, taken: 0, running: FuturesUnordered::new() }
    }

    /// Until the session has left, or was taken over. Commands in hand are answered in either case.
    pub(super) async fn keep(mut self, mut left: oneshot::Receiver<()>) {
        let mut subscriber = tokio::select! {
            _ = &mut left => return,
            subscriber = self.sit_down() => match subscriber {
                Some(subscriber) => subscriber,
                None => return,
            },
        };
        let on = *self.bus.link.borrow();
        let has_left = loop {
            let flow = tokio::select! {
                _ = &mut left => break true,
                changed = self.link.changed() => match changed {
                    Ok(()) => self.on_link(),
                    Err(_) => ControlFlow::Break(()),
                },
                message = subscriber.next(), if self.running.len() < 2 * IN_HAND => match message {
                    Some(message) => self.on_message(message),
                    None => ControlFlow::Break(()),
                },
                Some(()) = self.running.next(), if !self.running.is_empty() => ControlFlow::Continue(()),
                () = sleep_until(self.look_at.unwrap_or_else(Instant::now)), if self.look_at.is_some() => {
                    self.look_at = None;
                    self.session.hint();
                    ControlFlow::Continue(())
                }
            };
            if flow.is_break() {
                break false;
            }
        };
        // Who was taken over leaves what comes to the newer session.
        if has_left && self.bus.is_up() {
            let (bus, token, stamp, taken) = (self.bus.clone(), self.token.clone(), self.stamp, self.taken);
            self.running.push(Box::pin(Farewell { bus, token, stamp, subscriber, on, taken }.say()));
        } else {
            drop(subscriber);
        }
        while self.running.next().await.is_some() {}
    }

    /// Subscribes as soon as the bus is up: a subscription made before would wait in the client's queue.
    async fn sit_down(&mut self) -> Option<Subscriber> {
        self.link.mark_unchanged();
        if !self.bus.is_up() {
            self.link.wait_for(|link| *link != Link::Down).await.ok()?;
            self.look_soon();
        }
        let subscriber = self.bus.client.subscribe(subject::of("*", &self.token)).await.ok()?;
        self.announce();
        Some(subscriber)
    }

    /// The client subscribes again by itself. Who connected elsewhere meanwhile must hear of us, and we of it.
    fn on_link(&mut self) -> ControlFlow<()> {
        if *self.link.borrow_and_update() != Link::Down {
            self.announce();
            self.look_soon();
        }
        ControlFlow::Continue(())
    }

    /// Each session at its own moment, spread by its number.
    fn look_soon(&mut self) {
        let seats = u32::try_from(self.bus.seats.load(Ordering::Relaxed)).unwrap_or(u32::MAX).max(1);
        let turn = u32::try_from(self.stamp.number % u64::from(seats)).unwrap_or(0);
        self.look_at = Some(Instant::now() + Duration::from_secs(1) * turn / LOOKS_PER_SEC);
    }

    /// Our own announcement comes back to us: then the server knows the subscription, which went ahead of it.
    fn announce(&self) {
        let (bus, to, stamp) = (self.bus.clone(), subject::of(subject::TAKEN, &self.token), self.stamp.encode());
        self.running.push(Box::pin(async move { bus.send(to, stamp).await }));
    }

    fn on_message(&mut self, message: Message) -> ControlFlow<()> {
        self.taken += 1;
        match kind(&message) {
            subject::COMMAND => self.on_command(message),
            subject::CONFIG => {
                self.bus.counters.hints.one();
                self.session.hint();
            }
            subject::TAKEN => return self.on_taken(message),
            // That it was taken is the answer.
            subject::PROBE => {}
            _ => self.bus.counters.unreadable.one(),
        }
        ControlFlow::Continue(())
    }

    fn on_taken(&mut self, message: Message) -> ControlFlow<()> {
        match Stamp::decode(message.payload) {
            Ok(stamp) if stamp > self.stamp => {
                self.bus.counters.taken_over.one();
                self.session.take_over();
                return ControlFlow::Break(());
            }
            Ok(stamp) if stamp == self.stamp => {
                // Who waited may have gone on without it.
                self.confirm.take().map(|confirm| confirm.send(()));
            }
            // Of an older session. After an outage its node may have come back after ours had said so: say it again. It ends
            // when it hears that, so there are no two who go on telling each other.
            Ok(_) => self.announce(),
            Err(_) => self.bus.counters.unreadable.one(),
        }
        ControlFlow::Continue(())
    }

    fn on_command(&mut self, message: Message) {
        let Some(reply) = message.reply else { return self.bus.counters.unreadable.one() };
        self.bus.counters.commands.one();
        let (bus, session) = (self.bus.clone(), self.session.clone());
        let request = self.accept(message.payload);
        self.running.push(Box::pin(async move {
            let answer = match request {
                Err(answer) => answer,
                Ok(request) => session.deliver(request.command).await.map_or(Answer::Failed, Answer::Became),
            };
            bus.send(reply.into_string(), answer.encode()).await;
        }));
    }

    /// The command, or why it is not delivered.
    fn accept(&self, payload: bytes::Bytes) -> Result<Request, Answer> {
        let counters = &self.bus.counters;
        let request = Request::decode(payload).map_err(|_: WireError| {
            counters.unreadable.one();
            Answer::Unreadable
        })?;
        if self.bus.clock.now() > request.until {
            counters.late.one();
            return Err(Answer::Late);
        }
        if self.running.len() >= IN_HAND {
            counters.busy.one();
            return Err(Answer::Became(domain::ports::Delivery::Busy));
        }
        Ok(request)
    }
}
