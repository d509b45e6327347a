//! A session that has left: what was under way to it is answered, so that nobody waits for it.
//!
//! Promise: a command that the server had sent to this process before it ended the subscription is answered, as not delivered.
//!
//! The client library forgets a subscription as soon as it writes that it ends (with `drain`, one turn later) and drops what the
//! server had sent before it read that. So the server is told to end the subscription after [`MORE`] messages, and gets as many
//! from us that say nothing: the library keeps the place until it has had them all. Once the connection was lost, the library and
//! the server do not count the same, and `drain` must do.
//!
//! Not promised, and left to the caller's probe: what another server of a cluster had sent on to ours in that moment, and more than
//! [`MORE`] commands that meet in it.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use domain::ports::Delivery;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;

use super::seat::kind;
use crate::bus::{Bus, Link, SEND_LIMIT};
use crate::subject;
use crate::wire::{Answer, Stamp};

/// Messages after which a subscription ends. All of them are on the way within the time that one takes to the server and back,
/// and commands to one device come one by one, or few at a time.
const MORE: u64 = 8;

pub(super) struct Farewell {
    pub(super) bus: Arc<Bus>,
    pub(super) token: String,
    pub(super) stamp: Stamp,
    pub(super) subscriber: Subscriber,
    /// The connection that it was made on.
    pub(super) on: Link,
    /// Messages that were taken from it.
    pub(super) taken: u64,
}

impl Farewell {
    /// Ends the subscription, and answers what had come by it.
    pub(super) async fn say(mut self) {
        let mut late = Vec::new();
        // A server that is silent is given up; what came is answered all the same.
        let _in_time = timeout(SEND_LIMIT, self.last_messages(&mut late)).await;
        let Self { bus, stamp, subscriber, .. } = self;
        drop(subscriber);
        let newer = late.iter().position(|message| is_newer(message, stamp));
        // What came before a newer session was announced may have reached that one too; what came after, has.
        let (to_us, answer) = match newer {
            None => (&late[..], Delivery::NotConnected),
            Some(at) => (&late[..at], Delivery::Lost),
        };
        for reply in to_us.iter().filter(|message| kind(message) == subject::COMMAND).filter_map(|message| message.reply.as_ref()) {
            bus.counters.commands.one();
            bus.send(reply.to_string(), Answer::Became(answer).encode()).await;
        }
    }

    /// All that the server sends until the subscription has ended there.
    async fn last_messages(&mut self, late: &mut Vec<Message>) -> Option<()> {
        // The library has counted what waits in its queue.
        while let Some(message) = self.subscriber.next().now_or_never() {
            late.push(message?);
        }
        if *self.bus.link.borrow() == self.on {
            let counted = self.taken + u64::try_from(late.len()).ok()?;
            self.subscriber.unsubscribe_after(counted + MORE).await.ok()?;
            for _ in 0..MORE {
                self.bus.client.publish(subject::of(subject::PROBE, &self.token), Bytes::new()).await.ok()?;
            }
        } else {
            self.subscriber.drain().await.ok()?;
        }
        while let Some(message) = self.subscriber.next().await {
            late.push(message);
        }
        Some(())
    }
}

/// Whether it announces a session that began after ours.
fn is_newer(message: &Message, ours: Stamp) -> bool {
    kind(message) == subject::TAKEN && Stamp::decode(message.payload.clone()).is_ok_and(|stamp| stamp > ours)
}
