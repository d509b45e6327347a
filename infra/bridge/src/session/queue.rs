//! Commands that waited for a device: sent at SUBSCRIBE, in order, one at a time, beside everything else.

use std::sync::Arc;

use domain::command::{Drained, Queue, Recipient, TimeOrderedId};
use domain::{PortError, Timestamp};

use super::Session;
use super::chores::Chore;
use super::party::Party;
use crate::bridge::Bridge;
use crate::reach::LocalCommands;

/// Sends what waits, through the session like any command.
async fn drain(bridge: Arc<Bridge>, to: Recipient) -> Result<Drained, PortError> {
    let channel = LocalCommands(bridge.clone());
    let queue = Queue { stores: &bridge.fanout.stores, channel: &channel, clock: &*bridge.fanout.clock };
    queue.drain(&to, None::<Timestamp>).await
}

fn recipient(party: &Party) -> Option<Recipient> {
    Some(Recipient { key: party.speaker.key.clone(), num_id: party.number.parse().ok()? })
}

impl Session {
    /// Sends what waits, if the device subscribed to its commands.
    pub(super) fn deliver_queued(&mut self, place: u64) {
        let Some(party) = self.parties.at_mut(place).filter(|p| p.line.commands.is_some()) else { return };
        let Some(to) = recipient(party) else { return };
        if !party.queue.wish() {
            return;
        }
        // A task of its own: it outlives the session by the moment that it takes to give back what was not acknowledged.
        let draining = tokio::spawn(drain(self.bridge.clone(), to));
        self.chores.running.push(Box::pin(async move {
            let ended = draining.await;
            Chore::Drained(place, ended.unwrap_or_else(|e| Err(PortError::passing("commands", e))))
        }));
    }

    pub(super) fn on_drained(&mut self, place: u64, drained: Result<Drained, PortError>) {
        let is_busy = matches!(drained, Ok(Drained::Busy));
        if let Some(party) = self.parties.at_mut(place) {
            let again = party.queue.done();
            // After a silent device nothing is sent again on the same connection but what it asks for by a SUBSCRIBE.
            party.queue_owed |= matches!(drained, Ok(Drained::Busy | Drained::Claimed) | Err(_));
            if is_busy {
                self.downlink.queues_deferred.insert(place);
            }
            if let Err(e) = &drained {
                self.records_failed(e);
            }
            if again {
                self.deliver_queued(place);
            }
        }
        if !is_busy {
            self.deliver_deferred();
        }
    }

    /// Records a PUBACK that came when nobody waited for it any more.
    pub(super) fn note_late_ack(&mut self, place: u64, id: &str) {
        let Some(to) = self.parties.at(place).and_then(recipient) else { return };
        let Ok(id) = id.parse::<TimeOrderedId>() else { return };
        self.bridge.counters.commands_acked_late.one();
        let bridge = self.bridge.clone();
        self.note(Box::pin(async move {
            let channel = LocalCommands(bridge.clone());
            let queue = Queue { stores: &bridge.fanout.stores, channel: &channel, clock: &*bridge.fanout.clock };
            Chore::AckedLate(place, queue.acknowledged_late(&to, &id).await)
        }));
    }
}
