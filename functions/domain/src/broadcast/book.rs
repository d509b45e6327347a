//! Creating and cancelling broadcasts; and the lease that makes one driver of many.

use std::collections::BTreeMap;
use std::time::Duration;

use protocol::RegistryName;

use super::{Broadcast, BroadcastState, Counts, KEPT_FOR, LEASE_LAPSES, MAX_BROADCASTS, MAX_PER_SECOND, Stepped};
use crate::command::{self, MAX_TTL, TimeOrderedId};
use crate::ports::{Clock, Expect, Stores, Versioned, Written};
use crate::{DomainError, PortError, Timestamp};

/// Records read at once.
const PAGE: usize = 50;

/// The broadcasts of all registries.
#[derive(Clone, Copy)]
pub struct Book<'a> {
    /// Where they are kept.
    pub stores: &'a Stores,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// A broadcast to be created.
#[derive(Debug, Clone)]
pub struct NewBroadcast {
    /// Subfolder of the commands topic, empty when none.
    pub subfolder: String,
    /// Payload.
    pub data: Vec<u8>,
    /// How long it may wait for each device.
    pub ttl: Option<Duration>,
    /// Metadata that a device must have.
    pub labels: BTreeMap<String, String>,
    /// Devices a second.
    pub per_second: u32,
}

impl NewBroadcast {
    fn check(&self) -> Result<(), DomainError> {
        command::check(&self.data, &self.subfolder)?;
        if let Some(ttl) = self.ttl.filter(|ttl| ttl.is_zero() || *ttl > MAX_TTL) {
            return Err(command::bad_ttl(ttl));
        }
        if self.per_second == 0 || self.per_second > MAX_PER_SECOND {
            let text = format!("per_second {} is not valid: it must be 1 to {MAX_PER_SECOND}", self.per_second);
            return Err(DomainError::invalid("per_second", text));
        }
        Ok(())
    }

    fn at(self, id: TimeOrderedId, now: Timestamp) -> Broadcast {
        let Self { subfolder, data, ttl, labels, per_second } = self;
        Broadcast {
            id,
            subfolder,
            data,
            ttl,
            labels,
            per_second,
            state: BroadcastState::Running,
            counts: Counts::default(),
            last_error: None,
            cursor: None,
            create_time: now,
            next_step_time: now,
            lease: None,
            finish_time: None,
        }
    }
}

/// The right to take one step.
#[derive(Debug, Clone)]
pub struct Lease {
    number: u64,
    /// When the step began.
    pub taken: Timestamp,
}

impl Book<'_> {
    /// Creates a broadcast; nothing is sent yet.
    pub async fn create(&self, registry: &RegistryName, new: NewBroadcast, random: u64) -> Result<Broadcast, DomainError> {
        new.check()?;
        let last = self.make_room(registry).await?;
        let now = self.clock.now();
        let broadcast = new.at(TimeOrderedId::new(now, random, last.as_ref()), now);
        let key = Broadcast::name(registry, &broadcast.id);
        match self.stores.broadcasts.put(&key, &broadcast, Expect::Absent).await? {
            Written::Stored(_) => Ok(broadcast),
            Written::Conflict => {
                Err(DomainError::Conflict(format!("broadcast `{}` was created at the same moment: try again", broadcast.id)))
            }
        }
    }

    /// Removes what is kept long enough, and the oldest that are over when there are too many. Answers the newest id.
    async fn make_room(&self, registry: &RegistryName) -> Result<Option<TimeOrderedId>, DomainError> {
        let (all, now) = (self.all(registry).await?, self.clock.now());
        let is_old = |b: &Broadcast| now.since(b.create_time) >= KEPT_FOR;
        let mut kept = all.iter().filter(|(_, b)| !is_old(&b.value)).count();
        for (key, found) in &all {
            let is_over = found.value.state != BroadcastState::Running;
            if is_old(&found.value) || (kept >= MAX_BROADCASTS && is_over) {
                self.stores.broadcasts.delete(key, Expect::Version(found.version)).await?;
                kept -= usize::from(!is_old(&found.value));
            }
        }
        if kept >= MAX_BROADCASTS {
            let text = format!("registry `{}` has {kept} broadcasts running, the limit is {MAX_BROADCASTS}", registry.registry);
            return Err(DomainError::Exhausted(text));
        }
        Ok(all.into_iter().last().map(|(_, found)| found.value.id))
    }

    async fn all(&self, registry: &RegistryName) -> Result<Vec<(String, Versioned<Broadcast>)>, PortError> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.stores.broadcasts.list(&parent(registry), after.as_deref(), PAGE).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// One broadcast and its version.
    pub async fn get(&self, registry: &RegistryName, id: &TimeOrderedId) -> Result<Versioned<Broadcast>, DomainError> {
        let name = Broadcast::name(registry, id);
        let found = self.stores.broadcasts.get(&name).await?;
        found.ok_or_else(|| DomainError::NotFound(format!("broadcast `{name}`")))
    }

    /// Cancels a broadcast. A step under way ends; what is queued stays queued.
    pub async fn cancel(&self, registry: &RegistryName, id: &TimeOrderedId) -> Result<Broadcast, DomainError> {
        loop {
            let found = self.get(registry, id).await?;
            if found.value.state != BroadcastState::Running {
                let text = format!("broadcast `{id}` is {}: only one that is RUNNING can be cancelled", found.value.state.name());
                return Err(DomainError::Precondition(text));
            }
            let canceled = found.value.finished(BroadcastState::Canceled, self.clock.now());
            if self.replace(registry, &canceled, found.version).await? {
                return Ok(canceled);
            }
        }
    }

    /// The right to take the next step; `None` when there is none to take now: the broadcast is over or too old, another
    /// takes a step, or it is too early.
    pub async fn lease(&self, registry: &RegistryName, id: &TimeOrderedId, random: u64) -> Result<(Broadcast, Option<Lease>), DomainError> {
        loop {
            let found = self.get(registry, id).await?;
            let (broadcast, now) = (found.value, self.clock.now());
            let is_taken = broadcast.lease.is_some_and(|(_, until)| now < until);
            let is_old = now.since(broadcast.create_time) >= KEPT_FOR;
            if broadcast.state != BroadcastState::Running || is_taken || is_old || now < broadcast.next_step_time {
                return Ok((broadcast, None));
            }
            let leased = Broadcast { lease: Some((random, now + LEASE_LAPSES)), ..broadcast };
            if self.replace(registry, &leased, found.version).await? {
                return Ok((leased, Some(Lease { number: random, taken: now })));
            }
        }
    }

    /// Writes down what a step did, unless the lease has gone to another driver: that one sends to the same devices again,
    /// and counts them.
    pub async fn stepped(
        &self,
        registry: &RegistryName,
        id: &TimeOrderedId,
        lease: &Lease,
        step: &Stepped,
    ) -> Result<Broadcast, DomainError> {
        loop {
            let found = self.get(registry, id).await?;
            let mut broadcast = found.value;
            let is_canceled = broadcast.state == BroadcastState::Canceled;
            if !is_canceled && broadcast.lease.is_none_or(|(number, _)| number != lease.number) {
                return Ok(broadcast);
            }
            broadcast.take(lease, step);
            if step.at_end && !is_canceled {
                broadcast = broadcast.finished(BroadcastState::Done, self.clock.now());
            }
            if self.replace(registry, &broadcast, found.version).await? {
                return Ok(broadcast);
            }
        }
    }

    async fn replace(&self, registry: &RegistryName, broadcast: &Broadcast, version: u64) -> Result<bool, PortError> {
        let key = Broadcast::name(registry, &broadcast.id);
        Ok(self.stores.broadcasts.put(&key, broadcast, Expect::Version(version)).await? != Written::Conflict)
    }
}

impl Broadcast {
    fn take(&mut self, lease: &Lease, step: &Stepped) {
        let sent = u32::try_from(step.counts.matched).unwrap_or(u32::MAX);
        self.counts = self.counts.plus(step.counts);
        self.last_error = step.last_error.clone().or(self.last_error.take());
        self.cursor = step.cursor.clone().or(self.cursor.take());
        self.next_step_time = lease.taken + Duration::from_secs(1).saturating_mul(sent) / self.per_second.max(1);
        self.lease = None;
    }
}

/// What every key of a registry's broadcasts starts with.
pub fn parent(registry: &RegistryName) -> String {
    format!("{registry}/broadcasts/")
}

/// Removes every broadcast of a registry that is no more.
pub async fn forget(stores: &Stores, registry: &RegistryName) -> Result<(), PortError> {
    loop {
        let page = stores.broadcasts.list(&parent(registry), None, PAGE).await?;
        for (key, _) in &page.items {
            stores.broadcasts.delete(key, Expect::Anything).await?;
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}
