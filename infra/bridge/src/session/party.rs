//! Whom a session speaks for: its own device, and those attached to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Device, Registry};
use protocol::DeviceRef;
use pubsub_fanout::Speaker;

use super::chores::Reading;
use super::downlink::Line;
use crate::sessions::Seat;

/// One device.
pub(super) struct Party {
    /// Its place in the map of sessions.
    pub(super) place: u64,
    pub(super) speaker: Arc<Speaker>,
    /// The device's number in decimal: topics may name it by this too.
    pub(super) number: Box<str>,
    /// What let it in, if that took a token; checked again when its record changes.
    pub(super) token: Option<Box<str>>,
    /// What it subscribed to.
    pub(super) line: Line,
    pub(super) config: Reading,
    pub(super) records: Reading,
    pub(super) queue: Reading,
    /// A configuration could not be read; the next recheck tries again.
    pub(super) config_owed: bool,
    /// The queue of commands is to be looked at again at the next recheck.
    pub(super) queue_owed: bool,
    /// The entry of an attached device, which goes with it.
    _seat: Option<Seat>,
}

impl Party {
    /// The device that the session is of.
    pub(super) fn own(place: u64, device: &Device, registry: Arc<Registry>, token: Box<str>) -> Self {
        Self::new(place, Speaker::new(device, registry, None), device.num_id, Some(token), None)
    }

    /// A device that the session's own, `gateway`, speaks for.
    pub(super) fn attached(seat: Seat, device: &Device, gateway: &Speaker, token: Option<Box<str>>) -> Self {
        let speaker = Speaker::new(device, gateway.registry.clone(), Some(gateway.key.id.as_str()));
        Self::new(seat.place(), speaker, device.num_id, token, Some(seat))
    }

    fn new(place: u64, speaker: Speaker, number: u64, token: Option<Box<str>>, seat: Option<Seat>) -> Self {
        Self {
            place,
            speaker: Arc::new(speaker),
            number: number.to_string().into_boxed_str(),
            token,
            line: Line::default(),
            config: Reading::default(),
            records: Reading::default(),
            queue: Reading::default(),
            config_owed: false,
            queue_owed: false,
            _seat: seat,
        }
    }

    /// Whether a topic names it, by id or by number.
    pub(super) fn is(&self, device: &str) -> bool {
        device == self.speaker.key.id.as_str() || device == &*self.number
    }

    /// By its id.
    pub(super) fn named(&self) -> DeviceRef {
        DeviceRef::Id(self.speaker.key.id.clone())
    }

    /// Takes over new routes.
    pub(super) fn follow(&mut self, registry: &Arc<Registry>) {
        self.speaker = Arc::new(self.speaker.with_registry(registry.clone()));
    }
}

/// The session's own device, and those attached to it; at most [`crate::Limits::attached_devices`] of these.
pub(super) struct Parties {
    pub(super) own: Party,
    attached: BTreeMap<u64, Party>,
    /// Their places by id and by number.
    names: BTreeMap<Box<str>, u64>,
}

impl Parties {
    pub(super) fn new(own: Party) -> Self {
        Self { own, attached: BTreeMap::new(), names: BTreeMap::new() }
    }

    /// How many are attached.
    pub(super) fn attached(&self) -> usize {
        self.attached.len()
    }

    /// The places of all, the session's own first.
    pub(super) fn places(&self) -> Vec<u64> {
        std::iter::once(self.own.place).chain(self.attached.keys().copied()).collect()
    }

    pub(super) fn at(&self, place: u64) -> Option<&Party> {
        if place == self.own.place { Some(&self.own) } else { self.attached.get(&place) }
    }

    pub(super) fn at_mut(&mut self, place: u64) -> Option<&mut Party> {
        if place == self.own.place { Some(&mut self.own) } else { self.attached.get_mut(&place) }
    }

    /// The one that a topic names.
    pub(super) fn named(&self, device: &str) -> Option<&Party> {
        if self.own.is(device) { Some(&self.own) } else { self.at(*self.names.get(device)?) }
    }

    /// All of them, to be changed.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Party> {
        std::iter::once(&mut self.own).chain(self.attached.values_mut())
    }

    /// Adds a device. An older one of the same name gives way; answers its place.
    pub(super) fn attach(&mut self, party: Party) -> Option<u64> {
        let place = party.place;
        let older = self.names.insert(party.speaker.key.id.as_str().into(), place);
        self.names.insert(party.number.clone(), place);
        self.attached.insert(place, party);
        older.filter(|older| self.attached.remove(older).is_some())
    }

    /// Removes a device that is attached.
    pub(super) fn detach(&mut self, place: u64) -> Option<Party> {
        let party = self.attached.remove(&place)?;
        self.names.retain(|_, named| *named != place);
        Some(party)
    }
}
