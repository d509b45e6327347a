//! Commands that waited for this device: sent at SUBSCRIBE, in order, one at a time, beside everything else.

use std::sync::Arc;

use domain::command::{Drained, Queue, Recipient, TimeOrderedId};
use domain::{PortError, Timestamp};

use super::Session;
use super::chores::Chore;
use crate::bridge::Bridge;
use crate::reach::LocalCommands;

/// Sends what waits, through the session like any command.
async fn drain(bridge: Arc<Bridge>, to: Recipient) -> Result<Drained, PortError> {
    let channel = LocalCommands(bridge.clone());
    let queue = Queue { stores: &bridge.fanout.stores, channel: &channel, clock: &*bridge.fanout.clock };
    queue.drain(&to, None::<Timestamp>).await
}

impl Session {
    fn recipient(&self) -> Option<Recipient> {
        Some(Recipient { key: self.speaker.key.clone(), num_id: self.number.parse().ok()? })
    }

    /// Sends what waits, if the device subscribed to its commands.
    pub(super) fn deliver_queued(&mut self) {
        let Some(to) = self.recipient().filter(|_| self.downlink.wants_commands()) else { return };
        if !self.chores.queue.wish() {
            return;
        }
        // A task of its own: it outlives the session by the moment that it takes to give back what was not acknowledged.
        let draining = tokio::spawn(drain(self.bridge.clone(), to));
        self.chores.running.push(Box::pin(async move {
            let ended = draining.await;
            Chore::Drained(ended.unwrap_or_else(|e| Err(PortError::passing("commands", e))))
        }));
    }

    pub(super) fn on_drained(&mut self, drained: Result<Drained, PortError>) {
        let again = self.chores.queue.done();
        match drained {
            // After a silent device nothing is sent again on the same connection but what it asks for by a SUBSCRIBE.
            Ok(Drained::Empty | Drained::Away | Drained::Silent | Drained::OutOfTime) => {}
            Ok(Drained::Busy) => {
                self.downlink.queue_deferred = true;
                self.chores.queue_owed = true;
            }
            Ok(Drained::Claimed) => self.chores.queue_owed = true,
            Err(_) => {
                self.chores.queue_owed = true;
                self.records_failed();
            }
        }
        if again {
            self.deliver_queued();
        }
    }

    /// Records a PUBACK that came when nobody waited for it any more.
    pub(super) fn note_late_ack(&mut self, id: &str) {
        let (Some(to), Ok(id)) = (self.recipient(), id.parse::<TimeOrderedId>()) else { return };
        self.bridge.counters.commands_acked_late.one();
        let bridge = self.bridge.clone();
        self.note(Box::pin(async move {
            let channel = LocalCommands(bridge.clone());
            let queue = Queue { stores: &bridge.fanout.stores, channel: &channel, clock: &*bridge.fanout.clock };
            Chore::AckedLate(queue.acknowledged_late(&to, &id).await)
        }));
    }
}
