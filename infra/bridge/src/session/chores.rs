//! Reads and writes of records on a session's behalf. They run beside everything else; each kind at most once at a
//! time, and a wish that comes meanwhile is granted by one more round.

use std::sync::Arc;

use domain::command::Drained;
use domain::config::{self, DeviceConfig};
use domain::identity::UnverifiedJwt;
use domain::ports::Versioned;
use domain::status::Seen;
use domain::{Device, PortError, Refusal, Registry};
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::Session;
use crate::ending::Ending;

/// Notes under way, per session. Past it a note is dropped and counted: it concerns last-seen times only.
const NOTES: usize = 16;

/// The device and its registry as they are now; `None` when either is gone.
pub(super) type RecordsRead = Result<Option<(Versioned<Device>, Registry)>, PortError>;

/// The result of a chore.
pub(super) enum Chore {
    Config(Result<Option<DeviceConfig>, PortError>),
    Records(Box<RecordsRead>),
    Noted(Result<(), PortError>),
    AckedLate(Result<(), PortError>),
    Drained(Result<Drained, PortError>),
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
    config: Reading,
    records: Reading,
    /// A configuration could not be read; the next recheck tries again.
    config_owed: bool,
    pub(super) queue: Reading,
    /// The queue of commands is to be looked at again at the next recheck.
    pub(super) queue_owed: bool,
    /// Version of the device record that the token was last checked against.
    device_version: Option<u64>,
}

impl Session {
    /// Reads the configuration again, if the device subscribed to it.
    pub(super) fn read_config(&mut self) {
        if self.downlink.wants_config() && self.chores.config.wish() {
            let (bridge, speaker) = (self.bridge.clone(), self.speaker.clone());
            self.chores.running.push(Box::pin(async move { Chore::Config(config::latest(&bridge.fanout.stores, &speaker.key).await) }));
        }
    }

    /// Reads the device and its registry again.
    pub(super) fn read_records(&mut self) {
        if !self.chores.records.wish() {
            return;
        }
        let (bridge, speaker) = (self.bridge.clone(), self.speaker.clone());
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

    /// The slow look at the records that needs no hint.
    pub(super) fn recheck(&mut self) {
        self.read_records();
        if std::mem::take(&mut self.chores.config_owed) {
            self.read_config();
        }
        if std::mem::take(&mut self.chores.queue_owed) {
            self.deliver_queued();
        }
    }

    /// Has the next recheck read the configuration too.
    pub(super) fn owe_config(&mut self) {
        self.chores.config_owed = true;
    }

    /// Writes a last-seen time.
    pub(super) fn note_seen(&mut self, what: Seen) {
        let (bridge, speaker) = (self.bridge.clone(), self.speaker.clone());
        self.note(Box::pin(async move { Chore::Noted(bridge.fanout.statuses.seen(&speaker.key, what).await) }));
    }

    /// Records that the device acknowledged a configuration.
    pub(super) fn note_config_ack(&mut self, version: u64) {
        let (bridge, speaker) = (self.bridge.clone(), self.speaker.clone());
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
            Chore::Config(read) => self.on_config_read(read),
            Chore::Records(read) => self.on_records_read(*read)?,
            Chore::Noted(noted) => {
                self.chores.notes -= 1;
                self.bridge.counters.records_failed.add(usize::from(noted.is_err()));
            }
            Chore::AckedLate(noted) => {
                self.chores.notes -= 1;
                self.bridge.counters.records_failed.add(usize::from(noted.is_err()));
                // What stood behind it may go now.
                self.deliver_queued();
            }
            Chore::Drained(drained) => self.on_drained(drained),
        }
        Ok(())
    }

    fn on_config_read(&mut self, read: Result<Option<DeviceConfig>, PortError>) {
        let again = self.chores.config.done();
        self.chores.config_owed |= read.is_err();
        match read {
            Ok(config) => self.send_config(config),
            Err(_) => self.records_failed(),
        }
        if again {
            self.read_config();
        }
    }

    fn on_records_read(&mut self, read: RecordsRead) -> Result<(), Ending> {
        let again = self.chores.records.done();
        match read {
            Ok(None) => return Err(Ending::Deleted),
            Ok(Some((device, registry))) => self.on_records(device, registry)?,
            Err(_) => self.records_failed(),
        }
        if again {
            self.read_records();
        }
        Ok(())
    }

    pub(super) fn records_failed(&mut self) {
        self.bridge.counters.records_failed.one();
        self.timers.retry_soon();
    }

    /// Checks that what let the device in still does, and takes over new routes.
    fn on_records(&mut self, device: Versioned<Device>, registry: Registry) -> Result<(), Ending> {
        if !registry.mqtt_enabled {
            return Err(Ending::Revoked(Refusal::ProtocolDisabled("MQTT")));
        }
        if self.chores.device_version != Some(device.version) {
            self.chores.device_version = Some(device.version);
            // Deleted and made anew under the same id is another device.
            if *device.value.num_id.to_string() != *self.number {
                return Err(Ending::Deleted);
            }
            let now = self.bridge.fanout.clock.now();
            UnverifiedJwt::parse(&self.token)?.verify(&registry.name.project, Some(device.value), now)?;
        }
        if *self.speaker.registry != registry {
            self.speaker = Arc::new(self.speaker.with_registry(Arc::new(registry)));
        }
        Ok(())
    }
}
