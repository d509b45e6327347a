//! Reads and writes of records on a session's behalf. They run beside everything else; each kind at most once at a
//! time, and a wish that comes meanwhile is granted by one more round.

mod done;

use domain::command::Drained;
use domain::config::{self, DeviceConfig};
use domain::ports::Versioned;
use domain::status::Seen;
use domain::{Device, DomainError, PortError, Registry};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered};

use super::Session;
use super::control::{Attached, Claim, check_again};
use crate::ending::Ending;
use crate::limits::REREADS;

/// Notes under way, per session. Past it a note is dropped and counted: it concerns last-seen times only.
const NOTES: usize = 16;

/// The device and its registry as they are now; `None` when either is gone.
pub(super) type RecordsRead = Result<Option<(Versioned<Device>, Registry)>, PortError>;

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

    /// Reads the session's own device and its registry again.
    pub(super) fn read_records(&mut self) {
        if !self.parties.own.records.wish() {
            return;
        }
        let (bridge, speaker) = (self.bridge.clone(), self.parties.own.speaker.clone());
        self.chores.running.push(Box::pin(async move {
            let stores = &bridge.fanout.stores;
            let read = async {
                let device = stores.devices.get(&speaker.key.to_string()).await?;
                let registry = stores.registries.get(&speaker.key.registry.to_string()).await?;
                Ok(device.zip(registry.map(|r| r.value)))
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

    /// The slow look at the records that needs no hint.
    pub(super) fn recheck(&mut self) {
        self.read_records();
        let places = self.parties.places();
        self.check_attached(places.iter().copied());
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
