//! Reads and writes of records on a session's behalf. They run beside everything else; each kind at most once at a
//! time, and a wish that comes meanwhile is granted by one more round.

mod done;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::command::Drained;
use domain::config::{self, DeviceConfig};
use domain::ports::Versioned;
use domain::registry::LogLevel;
use domain::status::Seen;
use domain::{Device, DomainError, PortError, Registry};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered};

use super::Session;
use super::control::{Attached, Claim, check_again};
use super::timers::jittered;
use crate::ending::Ending;
use crate::limits::REREADS;

/// The registry that a look without a hint sees is at most this part of [`crate::Limits::recheck`] old.
const REGISTRY_FRESH: u32 = 4;
/// Notes under way, per session. Past it a note is dropped and counted: it concerns last-seen times only.
const NOTES: usize = 16;

/// The device, where it was read, and its registry; `None` when either is gone.
pub(super) type RecordsRead = Result<Option<(Option<Versioned<Device>>, Arc<Registry>)>, PortError>;

/// Which records are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The registry's alone, which need not be of this moment.
    Registry,
    /// The device's and the registry's as they are now.
    All,
}

/// The result of a chore. Numbers are the places of devices.
pub(super) enum Chore {
    Config(u64, Result<Option<DeviceConfig>, PortError>),
    Records(Box<RecordsRead>),
    Attached(Box<Attached>),
    Checked(Vec<(u64, Result<Device, DomainError>)>),
    Noted(Result<(), PortError>),
    AckedLate(u64, Result<(), PortError>),
    Drained(u64, Result<Drained, PortError>),
}

/// A read that runs, and whether it is wanted once more.
#[derive(Debug, Default)]
pub(super) struct Reading {
    runs: bool,
    again: bool,
}

impl Reading {
    /// Whether to start now.
    pub(super) fn wish(&mut self) -> bool {
        let start = !self.runs;
        self.again = self.runs;
        self.runs = true;
        start
    }
    /// Whether to start once more.
    pub(super) fn done(&mut self) -> bool {
        self.runs = false;
        std::mem::take(&mut self.again)
    }
}

#[derive(Default)]
pub(super) struct Chores {
    pub(super) running: FuturesUnordered<BoxFuture<'static, Chore>>,
    notes: usize,
    /// Version of the device record that the token was last checked against.
    device_version: Option<u64>,
    /// When the device's record was looked at last without a hint.
    looked: Option<Instant>,
    /// A look failed and is owed.
    owed: bool,
}

impl Chores {
    /// Whether it is time to look at the device's record without a hint. The session began with a look.
    fn is_look_due(&mut self, every: Duration) -> bool {
        let now = Instant::now();
        let due = std::mem::take(&mut self.owed) || now - *self.looked.get_or_insert(now) >= every;
        if due {
            self.looked = Some(now);
        }
        due
    }
}

impl Session {
    /// Reads the configuration again, if the device subscribed to it.
    pub(super) fn read_config(&mut self, place: u64) {
        let Some(party) = self.parties.at_mut(place).filter(|p| p.line.config.is_some()) else { return };
        if party.config.wish() {
            let (bridge, speaker) = (self.bridge.clone(), party.speaker.clone());
            let read = async move { Chore::Config(place, config::latest(&bridge.fanout.stores, &speaker.key).await) };
            self.chores.running.push(Box::pin(read));
        }
    }

    /// Reads the records of the session's own device again.
    pub(super) fn read_records(&mut self, look: Look) {
        if !self.parties.own.records.wish() {
            return;
        }
        let (bridge, speaker) = (self.bridge.clone(), self.parties.own.speaker.clone());
        self.chores.running.push(Box::pin(async move {
            let (stores, key) = (&bridge.fanout.stores, &speaker.key);
            let read = async {
                let fresh = if look == Look::All { Duration::ZERO } else { bridge.limits.recheck / REGISTRY_FRESH };
                let registry = bridge.registries.find(stores, &key.registry, fresh).await?;
                let device = match look {
                    Look::Registry => Some(None),
                    Look::All => stores.devices.get(&key.to_string()).await?.map(Some),
                };
                Ok(device.zip(registry))
            };
            Chore::Records(Box::new(read.await))
        }));
    }

    /// Checks again that the gateway may speak for these devices. One task for all, with a few reads at a time.
    pub(super) fn check_attached(&mut self, places: impl IntoIterator<Item = u64>) {
        let own = self.parties.own.place;
        let mut claims = Vec::new();
        for place in places.into_iter().filter(|place| *place != own) {
            if let Some(party) = self.parties.at_mut(place)
                && party.records.wish()
            {
                claims.push(Claim { place, named: party.named(), token: party.token.clone() });
            }
        }
        if claims.is_empty() {
            return;
        }
        let (bridge, gateway) = (self.bridge.clone(), self.parties.own.speaker.key.clone());
        self.chores.running.push(Box::pin(async move {
            let check = |claim: Claim| {
                let (bridge, gateway) = (bridge.clone(), gateway.clone());
                async move { (claim.place, check_again(&bridge, &gateway, &claim).await) }
            };
            Chore::Checked(stream::iter(claims).map(check).buffer_unordered(REREADS).collect().await)
        }));
    }

    /// The slow look at the records that needs no hint. Tokens of attached devices end without one.
    pub(super) fn recheck(&mut self) {
        let every = jittered(self.bridge.limits.reread, self.parties.own.place);
        let look = if self.chores.is_look_due(every) { Look::All } else { Look::Registry };
        self.read_records(look);
        let places = self.parties.places();
        let by_token = |place: &u64| self.parties.at(*place).is_some_and(|party| party.token.is_some());
        let checked: Vec<_> = places.iter().copied().filter(|place| look == Look::All || by_token(place)).collect();
        self.check_attached(checked);
        for place in places {
            let Some(party) = self.parties.at_mut(place) else { continue };
            let (config, queue) = (std::mem::take(&mut party.config_owed), std::mem::take(&mut party.queue_owed));
            if config {
                self.read_config(place);
            }
            if queue {
                self.deliver_queued(place);
            }
        }
    }

    /// Has the next recheck read the configuration too.
    pub(super) fn owe_config(&mut self, place: u64) {
        if let Some(party) = self.parties.at_mut(place) {
            party.config_owed = true;
        }
    }

    /// Writes a last-seen time.
    pub(super) fn note_seen(&mut self, place: u64, what: Seen) {
        let Some(party) = self.parties.at(place) else { return };
        let (bridge, speaker) = (self.bridge.clone(), party.speaker.clone());
        self.note(Box::pin(async move { Chore::Noted(bridge.fanout.statuses.seen(&speaker.key, what).await) }));
    }

    /// Records that the device acknowledged a configuration.
    pub(super) fn note_config_ack(&mut self, place: u64, version: u64) {
        let Some(party) = self.parties.at(place) else { return };
        party.speaker.log(LogLevel::Info, "CONFIG_ACK", &format!("version {version}"));
        let (bridge, speaker) = (self.bridge.clone(), party.speaker.clone());
        self.note(Box::pin(async move {
            let fanout = &bridge.fanout;
            let now = fanout.clock.now();
            let acknowledged = config::acknowledge(&fanout.stores, &speaker.key, version, now).await;
            let seen = fanout.statuses.seen(&speaker.key, Seen::ConfigAck).await;
            Chore::Noted(acknowledged.and(seen))
        }));
    }

    pub(super) fn note(&mut self, chore: BoxFuture<'static, Chore>) {
        if self.chores.notes >= NOTES {
            self.bridge.counters.records_failed.one();
            return;
        }
        self.chores.notes += 1;
        self.chores.running.push(chore);
    }

    pub(super) fn on_chore(&mut self, chore: Chore) -> Result<(), Ending> {
        match chore {
            Chore::Config(place, read) => self.on_config_read(place, read),
            Chore::Records(read) => self.on_records_read(*read)?,
            Chore::Attached(attached) => self.on_attached(*attached),
            Chore::Checked(answers) => answers.into_iter().for_each(|(place, answer)| self.on_checked(place, answer)),
            Chore::Noted(noted) => self.on_noted(&noted),
            Chore::AckedLate(place, noted) => {
                self.on_noted(&noted);
                // What stood behind it may go now.
                self.deliver_queued(place);
            }
            Chore::Drained(place, drained) => self.on_drained(place, drained),
        }
        Ok(())
    }
}
