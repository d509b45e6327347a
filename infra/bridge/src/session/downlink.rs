//! What goes to the device: configuration and commands, its own and those of devices attached to it.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use bytes::Bytes;
use domain::PortError;
use domain::config::DeviceConfig;
use domain::ports::{Command, Delivery};
use domain::status::Seen;
use protocol::messages::COMMAND_ID_PROPERTY;
use rmqtt_codec::error::EncodeError;
use tokio::sync::oneshot;

use super::Session;
use crate::limits::{CONFIGS_IN_FLIGHT, OUTBOX_BYTES};
use crate::reach::Order;

/// A granted subscription.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subscription {
    pub(super) at_least_once: bool,
    /// The filter named the device by its number; so will the topic.
    pub(super) by_number: bool,
}

impl Subscription {
    /// The same at QoS 0.
    pub(super) fn at_most_once(self) -> Self {
        Self { at_least_once: false, ..self }
    }
}

/// What was sent at QoS 1 and awaits its PUBACK. Nothing is sent again on the same connection (MQTT 3.1.1, 4.4).
enum Sent {
    Config(u64),
    /// Who waits for it, and its id if it is one that is kept.
    Command(oneshot::Sender<Result<Delivery, PortError>>, Option<String>),
}

/// One of these.
struct Unacked {
    id: NonZeroU16,
    /// The device it is for.
    place: u64,
    sent: Sent,
}

/// How far a command got.
enum Sending {
    /// Sent at QoS 1 under this id.
    Awaited(NonZeroU16),
    Ended(Delivery),
}

/// What one device subscribed to.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) config: Option<Subscription>,
    pub(super) commands: Option<Subscription>,
    /// Version last sent since the last SUBSCRIBE.
    config_sent: Option<u64>,
    /// A SUBSCRIBE awaits the configuration, whatever its version.
    pub(super) config_asked: bool,
}

/// What the connection has under way, of all its devices.
pub(super) struct Downlink {
    pub(super) errors: Option<Subscription>,
    unacked: Vec<Unacked>,
    last_id: u16,
    /// QoS 1 publishes that the device takes at once.
    receive_max: usize,
    /// Devices whose configuration waits for an acknowledgement.
    pub(super) configs_deferred: BTreeSet<u64>,
    /// Devices whose waiting commands wait for an acknowledgement of others.
    pub(super) queues_deferred: BTreeSet<u64>,
}

impl Downlink {
    pub(super) fn new(receive_max: usize) -> Self {
        Self {
            errors: None,
            unacked: Vec::new(),
            last_id: 0,
            receive_max,
            configs_deferred: BTreeSet::new(),
            queues_deferred: BTreeSet::new(),
        }
    }

    fn in_flight(&self, of: fn(&Sent) -> bool) -> usize {
        self.unacked.iter().filter(|unacked| of(&unacked.sent)).count()
    }

    /// A packet id that is not in use; there are far fewer in use than ids.
    fn next_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_id)
                && self.unacked.iter().all(|unacked| unacked.id != id)
            {
                return id;
            }
        }
    }

    /// Waits no longer for what was sent to a device that is detached.
    pub(super) fn forget(&mut self, place: u64) {
        self.unacked.retain(|unacked| unacked.place != place);
        self.configs_deferred.remove(&place);
        self.queues_deferred.remove(&place);
    }
}

impl Session {
    /// Sends the configuration if a SUBSCRIBE asked for it or its version grew. None at all is an empty payload. False when
    /// it has to wait for an acknowledgement.
    pub(super) fn send_config(&mut self, place: u64, config: Option<DeviceConfig>) -> bool {
        let Some(party) = self.parties.at(place) else { return true };
        let Some(subscription) = party.line.config else { return true };
        let version = config.as_ref().map_or(0, |c| c.version);
        let grew = party.line.config_sent.is_none_or(|sent| version > sent);
        if !party.line.config_asked && !grew {
            return true;
        }
        let waiting = self.downlink.in_flight(|s| matches!(s, Sent::Config(_)));
        let reads_nothing = self.outbox.bytes.len() >= OUTBOX_BYTES;
        if reads_nothing || waiting >= CONFIGS_IN_FLIGHT || self.downlink.unacked.len() >= self.downlink.receive_max {
            // Read again at the next acknowledgement, or at the next recheck.
            self.downlink.configs_deferred.insert(place);
            self.owe_config(place);
            self.bridge.counters.configs_deferred.one();
            return false;
        }
        if let Some(party) = self.parties.at_mut(place) {
            party.line.config_asked = false;
            party.line.config_sent = Some(version);
        }
        let data = config.map(|c| Bytes::from(c.data)).unwrap_or_default();
        // A device whose maximum packet size is below its configuration cannot have it; the next version may fit.
        if let Ok(id) = self.push(place, subscription, "config", data, None) {
            self.bridge.counters.configs.one();
            if let Some(id) = id {
                self.downlink.unacked.push(Unacked { id, place, sent: Sent::Config(version) });
            }
            self.note_seen(place, Seen::ConfigSend);
        }
        true
    }

    /// Sends a command, or says why not.
    pub(super) fn on_order(&mut self, order: Order) {
        let Order { place, command, reply } = order;
        let kept = command.id.clone();
        match self.send_command(place, command) {
            Sending::Awaited(id) => self.downlink.unacked.push(Unacked { id, place, sent: Sent::Command(reply, kept) }),
            Sending::Ended(delivery) => {
                self.bridge.counters.commands.add(usize::from(delivery == Delivery::Delivered));
                // Who asked may have given up.
                let _gone = reply.send(Ok(delivery));
            }
        }
    }

    fn send_command(&mut self, place: u64, command: Command) -> Sending {
        let Some(party) = self.parties.at(place) else { return Sending::Ended(Delivery::NotConnected) };
        let Some(subscription) = party.line.commands else { return Sending::Ended(Delivery::NotSubscribed) };
        let waiting = self.downlink.in_flight(|s| matches!(s, Sent::Command(..)));
        let full = waiting >= self.bridge.limits.commands_in_flight || self.downlink.unacked.len() >= self.downlink.receive_max;
        if full && subscription.at_least_once {
            self.bridge.counters.commands_refused.one();
            return Sending::Ended(Delivery::Busy);
        }
        let topic = if command.subfolder.is_empty() { "commands".into() } else { format!("commands/{}", command.subfolder) };
        let user = command.id.map(|id| (COMMAND_ID_PROPERTY, id));
        match self.push(place, subscription, &topic, command.data, user) {
            Ok(id) => id.map_or(Sending::Ended(Delivery::Delivered), Sending::Awaited),
            Err(_) => Sending::Ended(Delivery::Refused),
        }
    }

    /// Puts a publish into the outbox. Answers its packet id at QoS 1. Refused when the device's maximum packet size is
    /// below it.
    pub(super) fn push(
        &mut self,
        place: u64,
        subscription: Subscription,
        rest: &str,
        data: Bytes,
        user: Option<(&'static str, String)>,
    ) -> Result<Option<NonZeroU16>, EncodeError> {
        let party = self.parties.at(place).unwrap_or(&self.parties.own);
        let device = if subscription.by_number { &*party.number } else { party.speaker.key.id.as_str() };
        let topic = format!("/devices/{device}/{rest}");
        let id = subscription.at_least_once.then(|| self.downlink.next_id());
        self.wire.publish(&mut self.outbox.bytes, topic, data, id, user)?;
        Ok(id)
    }

    pub(super) fn on_ack(&mut self, id: NonZeroU16, taken: bool) {
        // An acknowledgement of nothing is ignored: older clients send them after a reconnect.
        let Some(at) = self.downlink.unacked.iter().position(|unacked| unacked.id == id) else { return };
        let Unacked { place, sent, .. } = self.downlink.unacked.swap_remove(at);
        match sent {
            Sent::Config(version) if taken => {
                self.bridge.counters.config_acks.one();
                self.note_config_ack(place, version);
            }
            // Refused: it stays unacknowledged and comes again with the next connection.
            Sent::Config(_) => {}
            Sent::Command(reply, kept) => {
                self.bridge.counters.commands.add(usize::from(taken));
                let is_late = reply.send(Ok(if taken { Delivery::Acknowledged } else { Delivery::Refused })).is_err();
                if let Some(id) = kept.filter(|_| is_late && taken) {
                    self.note_late_ack(place, &id);
                }
            }
        }
        self.read_deferred();
        self.deliver_deferred();
    }

    /// Reads one of the configurations that waited for an acknowledgement; the next one follows when it is sent.
    pub(super) fn read_deferred(&mut self) {
        if let Some(place) = self.downlink.configs_deferred.pop_first() {
            self.read_config(place);
        }
    }

    /// The same with the commands that waited.
    pub(super) fn deliver_deferred(&mut self) {
        if let Some(place) = self.downlink.queues_deferred.pop_first() {
            self.deliver_queued(place);
        }
    }
}
