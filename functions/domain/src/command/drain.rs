//! Sending what waits: in order, one at a time, whoever does it.
//!
//! Everybody may try: the function that took a command, and the bridge at each SUBSCRIBE. Whoever writes `Sent` over the
//! version that it read has the claim; the others stop there, so that no later command overtakes. A claim that is older
//! than [`super::CLAIM_LAPSES`] is of a deliverer that died.

use super::queue::{Queue, SWEPT};
use super::{CommandRecord, CommandState, Recipient, Standing, TimeOrderedId};
use crate::ports::{Delivery, Expect, Versioned, Written};
use crate::{PortError, Timestamp};

/// Why sending stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Nothing waits any more.
    Empty,
    /// The device is not there, or not subscribed. Its next SUBSCRIBE goes on.
    Away,
    /// The device has too many unacknowledged: go on after the next PUBACK.
    Busy,
    /// The device did not acknowledge in time. Its next SUBSCRIBE sends the command again.
    Silent,
    /// Somebody else is sending. Look again when the claim may have lapsed.
    Claimed,
    /// The caller's time is over.
    OutOfTime,
}

/// What became of one record.
enum Step {
    /// There is nothing to send in it.
    Pass,
    Sent,
    Stop(Drained),
}

impl Queue<'_> {
    /// Sends what waits for a device until nothing does or something stops it. Begins no delivery after `until`.
    pub async fn drain(&self, to: &Recipient, until: Option<Timestamp>) -> Result<Drained, PortError> {
        let (mut after, mut sent, mut expired) = (None, false, 0);
        loop {
            let page = self.page(to, after.as_deref()).await?;
            for (_, record) in page.items {
                match self.step(to, record, until, &mut expired).await? {
                    Step::Pass => {}
                    Step::Sent => sent = true,
                    Step::Stop(why) => return Ok(why),
                }
            }
            after = page.next;
            // What came meanwhile may stand anywhere: an id of a broadcast is older than its record. So look again.
            if after.is_none() && !std::mem::take(&mut sent) {
                return Ok(Drained::Empty);
            }
        }
    }

    async fn step(
        &self,
        to: &Recipient,
        record: Versioned<CommandRecord>,
        until: Option<Timestamp>,
        expired: &mut usize,
    ) -> Result<Step, PortError> {
        let now = self.clock.now();
        match record.value.standing(now) {
            Standing::Lapsed if *expired < SWEPT => {
                *expired += 1;
                let (key, value) = (to.name(&record.value.id), record.value.at(now));
                self.stores.commands.put(&key, &value, Expect::Version(record.version)).await?;
                Ok(Step::Pass)
            }
            Standing::Finished | Standing::Stale | Standing::Lapsed => Ok(Step::Pass),
            Standing::Claimed => Ok(Step::Stop(Drained::Claimed)),
            Standing::Ready if until.is_some_and(|until| now >= until) => Ok(Step::Stop(Drained::OutOfTime)),
            Standing::Ready => self.send(to, record).await,
        }
    }

    async fn send(&self, to: &Recipient, record: Versioned<CommandRecord>) -> Result<Step, PortError> {
        let key = to.name(&record.value.id);
        let claimed = record.value.claimed(self.clock.now());
        let Written::Stored(version) = self.stores.commands.put(&key, &claimed, Expect::Version(record.version)).await? else {
            return self.overtaken(&key).await;
        };
        let answer = self.channel.deliver(&to.key, claimed.command()).await;
        let over = match answer {
            Ok(Delivery::Acknowledged) => Some(CommandState::Acknowledged),
            Ok(Delivery::Delivered) => Some(CommandState::Delivered),
            Ok(Delivery::Refused) => Some(CommandState::Failed),
            _ => None,
        };
        if let Some(state) = over {
            self.settle(to, Versioned { value: claimed, version }, state).await?;
            return Ok(Step::Sent);
        }
        let released = match answer {
            Ok(Delivery::NotConnected | Delivery::NotSubscribed | Delivery::Busy) => record.value.unsent(),
            _ => CommandRecord { state: CommandState::Queued, ..claimed },
        };
        // A conflict means that the claim had lapsed: somebody else has it now.
        self.stores.commands.put(&key, &released, Expect::Version(version)).await?;
        let why = match answer? {
            Delivery::Busy => Drained::Busy,
            Delivery::TimedOut => Drained::Silent,
            _ => Drained::Away,
        };
        if why == Drained::Away {
            // It may have subscribed while we held the claim, and looked in vain.
            self.channel.hint(&to.key).await?;
        }
        Ok(Step::Stop(why))
    }

    /// Somebody changed the record after we read it: cancelled and over, or being sent.
    async fn overtaken(&self, key: &str) -> Result<Step, PortError> {
        let found = self.stores.commands.get(key).await?;
        let waits = found.is_some_and(|found| found.value.state.is_waiting());
        Ok(if waits { Step::Stop(Drained::Claimed) } else { Step::Pass })
    }

    /// Records how a command that was sent ended, unless it is over already.
    async fn settle(&self, to: &Recipient, mut record: Versioned<CommandRecord>, state: CommandState) -> Result<(), PortError> {
        let key = to.name(&record.value.id);
        loop {
            let finished = record.value.finished(state, self.clock.now());
            if self.stores.commands.put(&key, &finished, Expect::Version(record.version)).await? != Written::Conflict {
                return Ok(());
            }
            match self.stores.commands.get(&key).await? {
                Some(found) if found.value.state.is_waiting() => record = found,
                _ => return Ok(()),
            }
        }
    }

    /// Records a PUBACK that came after nobody waited for it any more.
    pub async fn acknowledged_late(&self, to: &Recipient, id: &TimeOrderedId) -> Result<(), PortError> {
        match self.stores.commands.get(&to.name(id)).await? {
            Some(found) if found.value.state.is_waiting() => self.settle(to, found, CommandState::Acknowledged).await,
            _ => Ok(()),
        }
    }
}
