//! What a session does with records that were read, and with writes that failed.

use std::sync::Arc;

use domain::config::DeviceConfig;
use domain::device::GatewayType;
use domain::identity::UnverifiedJwt;
use domain::ports::Versioned;
use domain::{Device, DomainError, PortError, Refusal, Registry};

use super::{Look, RecordsRead};
use crate::ending::Ending;
use crate::session::Session;

impl Session {
    pub(super) fn on_noted(&mut self, noted: &Result<(), PortError>) {
        self.chores.notes -= 1;
        if let Err(e) = noted {
            self.bridge.records_failed(e);
        }
    }

    pub(super) fn on_config_read(&mut self, place: u64, read: Result<Option<DeviceConfig>, PortError>) {
        let Some(party) = self.parties.at_mut(place) else { return self.read_deferred() };
        let again = party.config.done();
        party.config_owed |= read.is_err();
        match read {
            Ok(config) => {
                if self.send_config(place, config) {
                    self.read_deferred();
                }
            }
            Err(e) => self.records_failed(&e),
        }
        if again {
            self.read_config(place);
        }
    }

    pub(super) fn on_records_read(&mut self, read: RecordsRead) -> Result<(), Ending> {
        let again = self.parties.own.records.done();
        match read {
            Ok(None) => return Err(Ending::Deleted),
            Ok(Some((device, registry))) => self.on_records(device, &registry)?,
            Err(e) => self.records_failed(&e),
        }
        if again {
            self.read_records(Look::All);
        }
        Ok(())
    }

    pub(super) fn on_checked(&mut self, place: u64, answer: Result<Device, DomainError>) {
        let Some(party) = self.parties.at_mut(place) else { return };
        let again = party.records.done();
        let is_another = answer.as_ref().is_ok_and(|device| *device.num_id.to_string() != *party.number);
        match answer {
            Ok(_) if is_another => self.break_off(place, &Ending::Deleted),
            Ok(_) if again => self.check_attached([place]),
            Ok(_) => {}
            Err(DomainError::Port(e)) => self.records_failed(&e),
            Err(DomainError::Refused(refusal)) => self.break_off(place, &Ending::Revoked(refusal)),
            Err(DomainError::NotFound(_)) => self.break_off(place, &Ending::Deleted),
            Err(why) => self.break_off(place, &Ending::NotBound(why.to_string())),
        }
    }

    pub(in crate::session) fn records_failed(&mut self, e: &PortError) {
        self.bridge.records_failed(e);
        self.chores.owed = true;
        self.timers.retry_soon();
    }

    /// Checks that what let the device in still does, and takes over new routes.
    fn on_records(&mut self, device: Option<Versioned<Device>>, registry: &Arc<Registry>) -> Result<(), Ending> {
        if !registry.mqtt_enabled {
            return Err(Ending::Revoked(Refusal::ProtocolDisabled("MQTT")));
        }
        if let Some(device) = device.filter(|device| self.chores.device_version != Some(device.version)) {
            self.chores.device_version = Some(device.version);
            // Deleted and made anew under the same id is another device.
            if *device.value.num_id.to_string() != *self.parties.own.number {
                return Err(Ending::Deleted);
            }
            self.is_gateway = device.value.gateway.kind == GatewayType::Gateway;
            let now = self.bridge.fanout.clock.now();
            let own = &mut self.parties.own;
            own.speaker = Arc::new(own.speaker.with_log_level(device.value.log_level));
            let token = own.token.as_deref().unwrap_or_default();
            UnverifiedJwt::parse(token)?.verify(&registry.name.project, Some(device.value), now)?;
            self.check_attached(self.parties.places());
        }
        if self.parties.own.speaker.registry != *registry {
            self.parties.all_mut().for_each(|party| party.follow(registry));
        }
        Ok(())
    }
}
