//! Taking, listing and cancelling commands that may wait.

use std::time::Duration;

use protocol::limits::{MAX_COMMAND_BYTES, MAX_SUBFOLDER_BYTES};

use super::{CommandRecord, CommandState, MAX_FINISHED, MAX_TTL, MAX_WAITING, Recipient, Standing, TimeOrderedId};
use crate::ports::{Clock, CommandChannel, Expect, Page, Stores, Versioned, Written};
use crate::{DomainError, PortError};

/// Records read at once: a page of the largest commands is 4 MiB.
const PAGE: usize = 50;
/// Old records removed, or expired ones noted, at one look: a bound for who happens to come by.
pub(super) const SWEPT: usize = 20;

/// The queues of all devices.
#[derive(Clone, Copy)]
pub struct Queue<'a> {
    /// Where commands are kept.
    pub stores: &'a Stores,
    /// Reaches live sessions.
    pub channel: &'a dyn CommandChannel,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// A command to be taken.
#[derive(Debug, Clone)]
pub struct NewCommand {
    /// Its id when it has one already: of a broadcast, the same for every device.
    pub id: Option<TimeOrderedId>,
    /// Subfolder of the commands topic, empty when none.
    pub subfolder: String,
    /// Payload.
    pub data: Vec<u8>,
    /// How long it may wait.
    pub ttl: Duration,
}

/// The rules of payload and subfolder.
pub fn check(data: &[u8], subfolder: &str) -> Result<(), DomainError> {
    if data.len() > MAX_COMMAND_BYTES {
        let text = format!("command of {} bytes exceeds the limit of {MAX_COMMAND_BYTES} bytes", data.len());
        return Err(DomainError::invalid("binary_data", text));
    }
    if subfolder.len() > MAX_SUBFOLDER_BYTES || subfolder.contains(['+', '#', '\0']) {
        let shown: String = subfolder.chars().take(64).flat_map(char::escape_debug).collect();
        let text = format!("subfolder `{shown}` is not valid: at most {MAX_SUBFOLDER_BYTES} bytes, without `+`, `#` and NUL");
        return Err(DomainError::invalid("subfolder", text));
    }
    Ok(())
}

pub(crate) fn bad_ttl(ttl: Duration) -> DomainError {
    let text = format!("ttl {} s is not valid: it must be more than 0 s and at most {} s", ttl.as_secs_f64(), MAX_TTL.as_secs());
    DomainError::invalid("ttl", text)
}

/// What stands in a queue.
#[derive(Debug, Default)]
struct Survey {
    waiting: usize,
    last: Option<TimeOrderedId>,
    /// What is over, oldest first: key, version, and whether it was kept long enough.
    finished: Vec<(String, u64, bool)>,
}

impl Queue<'_> {
    /// Takes a command. It is durable on return and not yet sent: that is [`Queue::drain`]. One whose id is there already
    /// is answered as it is.
    pub async fn take(&self, to: &Recipient, new: NewCommand, random: u64) -> Result<CommandRecord, DomainError> {
        check(&new.data, &new.subfolder)?;
        if new.ttl.is_zero() || new.ttl > MAX_TTL {
            return Err(bad_ttl(new.ttl));
        }
        let before = self.survey(to).await?;
        self.sweep(&before).await?;
        let now = self.clock.now();
        let id = new.id.unwrap_or_else(|| TimeOrderedId::new(now, random, before.last.as_ref()));
        let record = CommandRecord {
            size: new.data.len(),
            id,
            subfolder: new.subfolder,
            data: new.data,
            state: CommandState::Queued,
            create_time: now,
            expire_time: now + new.ttl,
            send_time: None,
            attempts: 0,
            finish_time: None,
        };
        self.put(to, record, before.waiting).await
    }

    async fn put(&self, to: &Recipient, record: CommandRecord, waiting: usize) -> Result<CommandRecord, DomainError> {
        let key = to.name(&record.id);
        if let Some(found) = self.stores.commands.get(&key).await? {
            return Ok(found.value);
        }
        let full =
            || DomainError::Exhausted(format!("device `{}` has {MAX_WAITING} commands waiting, the limit is {MAX_WAITING}", to.key.id));
        if waiting >= MAX_WAITING {
            return Err(full());
        }
        let Written::Stored(version) = self.stores.commands.put(&key, &record, Expect::Absent).await? else {
            return Ok(self.stores.commands.get(&key).await?.map_or(record, |found| found.value));
        };
        // Counted again after the write: of requests that run together none slips past the limit.
        let over = self.survey(to).await?.waiting > MAX_WAITING;
        if over && self.stores.commands.delete(&key, Expect::Version(version)).await? != Written::Conflict {
            return Err(full());
        }
        Ok(record)
    }

    /// One page of a queue's records, oldest first.
    pub(super) async fn page(&self, to: &Recipient, after: Option<&str>) -> Result<Page<CommandRecord>, PortError> {
        self.stores.commands.list(&to.parent(), after, PAGE).await
    }

    async fn survey(&self, to: &Recipient) -> Result<Survey, PortError> {
        let (mut survey, mut after, now) = (Survey::default(), None, self.clock.now());
        loop {
            let page = self.page(to, after.as_deref()).await?;
            for (key, record) in page.items {
                match record.value.standing(now) {
                    Standing::Ready | Standing::Claimed => survey.waiting += 1,
                    standing => survey.finished.push((key, record.version, standing == Standing::Stale)),
                }
                survey.last = Some(record.value.id);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(survey),
            }
        }
    }

    /// Removes what is kept long enough, and what is too many; a bounded number at once.
    async fn sweep(&self, survey: &Survey) -> Result<(), PortError> {
        let excess = survey.finished.len().saturating_sub(MAX_FINISHED);
        let old = survey.finished.iter().enumerate().filter(|(place, (_, _, stale))| *stale || *place < excess);
        for (_, (key, version, _)) in old.take(SWEPT) {
            self.stores.commands.delete(key, Expect::Version(*version)).await?;
        }
        Ok(())
    }

    /// One command as it is now, and the version it was read at.
    pub async fn get(&self, to: &Recipient, id: &TimeOrderedId) -> Result<Versioned<CommandRecord>, DomainError> {
        let found = self.stores.commands.get(&to.name(id)).await?;
        let found = found.ok_or_else(|| DomainError::NotFound(format!("command `{}`", to.name(id))))?;
        Ok(Versioned { value: found.value.at(self.clock.now()), version: found.version })
    }

    /// Cancels a command that waits. One that is being sent, or is over, stays what it is.
    pub async fn cancel(&self, to: &Recipient, id: &TimeOrderedId) -> Result<(), DomainError> {
        loop {
            let found = self.get(to, id).await?;
            if found.value.state != CommandState::Queued {
                let text = format!("command `{id}` is {}: only one that is QUEUED can be cancelled", found.value.state.name());
                return Err(DomainError::Precondition(text));
            }
            let canceled = found.value.finished(CommandState::Canceled, self.clock.now());
            if let Written::Stored(_) = self.stores.commands.put(&to.name(id), &canceled, Expect::Version(found.version)).await? {
                return Ok(());
            }
        }
    }
}

/// Removes every command of a device that is no more.
pub async fn forget(stores: &Stores, of: &Recipient) -> Result<(), PortError> {
    loop {
        let page = stores.commands.list(&of.parent(), None, PAGE).await?;
        for (key, _) in &page.items {
            stores.commands.delete(key, Expect::Anything).await?;
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}
