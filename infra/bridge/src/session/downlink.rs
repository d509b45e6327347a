//! What goes to the device: configuration and commands.

use std::num::NonZeroU16;

use bytes::Bytes;
use domain::PortError;
use domain::config::DeviceConfig;
use domain::ports::{Command, Delivery};
use domain::status::Seen;
use protocol::SubscribeTopic;
use protocol::messages::COMMAND_ID_PROPERTY;
use rmqtt_codec::error::EncodeError;
use rmqtt_codec::types::QoS;
use tokio::sync::oneshot;

use super::Session;
use crate::ending::Ending;
use crate::limits::{CONFIGS_IN_FLIGHT, OUTBOX_BYTES};
use crate::packet::Granted;
use crate::reach::Order;

/// A granted subscription.
#[derive(Debug, Clone, Copy)]
struct Subscription {
    at_least_once: bool,
    /// The filter named the device by its number; so will the topic.
    by_number: bool,
}

/// What was sent at QoS 1 and awaits its PUBACK. Nothing is sent again on the same connection (MQTT 3.1.1, 4.4).
enum Sent {
    Config(u64),
    /// Who waits for it, and its id if it is one that is kept.
    Command(oneshot::Sender<Result<Delivery, PortError>>, Option<String>),
}

/// How far a command got.
enum Sending {
    /// Sent at QoS 1 under this id.
    Awaited(NonZeroU16),
    Ended(Delivery),
}

pub(super) struct Downlink {
    config: Option<Subscription>,
    commands: Option<Subscription>,
    errors: Option<Subscription>,
    unacked: Vec<(NonZeroU16, Sent)>,
    last_id: u16,
    /// QoS 1 publishes that the device takes at once.
    receive_max: usize,
    /// Version last sent since the last SUBSCRIBE.
    config_sent: Option<u64>,
    /// A SUBSCRIBE awaits the configuration, whatever its version.
    config_asked: bool,
    /// A configuration waits for an acknowledgement.
    config_deferred: bool,
    /// Commands that waited wait for an acknowledgement of others.
    pub(super) queue_deferred: bool,
}

impl Downlink {
    pub(super) fn new(receive_max: usize) -> Self {
        Self {
            config: None,
            commands: None,
            errors: None,
            unacked: Vec::new(),
            last_id: 0,
            receive_max,
            config_sent: None,
            config_asked: false,
            config_deferred: false,
            queue_deferred: false,
        }
    }

    pub(super) fn wants_config(&self) -> bool {
        self.config.is_some()
    }

    pub(super) fn wants_commands(&self) -> bool {
        self.commands.is_some()
    }

    fn in_flight(&self, of: fn(&Sent) -> bool) -> usize {
        self.unacked.iter().filter(|(_, sent)| of(sent)).count()
    }

    /// A packet id that is not in use; there are far fewer in use than ids.
    fn next_id(&mut self) -> NonZeroU16 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if let Some(id) = NonZeroU16::new(self.last_id)
                && self.unacked.iter().all(|(used, _)| *used != id)
            {
                return id;
            }
        }
    }

    fn slot(&mut self, filter: &SubscribeTopic<'_>) -> &mut Option<Subscription> {
        match filter {
            SubscribeTopic::Config { .. } => &mut self.config,
            SubscribeTopic::Commands { .. } => &mut self.commands,
            SubscribeTopic::Errors { .. } => &mut self.errors,
        }
    }
}

impl Session {
    pub(super) fn on_subscribe(&mut self, id: NonZeroU16, filters: &[(String, QoS)]) -> Result<(), Ending> {
        let granted: Vec<_> = filters.iter().map(|(filter, qos)| self.grant(filter, *qos)).collect();
        self.wire.suback(&mut self.outbox.bytes, id, &granted).map_err(|e| Ending::Malformed(format!("SUBSCRIBE: {e}")))?;
        if self.downlink.config_asked {
            self.read_config();
        }
        if filters.iter().any(|(filter, _)| matches!(SubscribeTopic::parse(filter), Ok(SubscribeTopic::Commands { .. }))) {
            self.deliver_queued();
        }
        Ok(())
    }

    fn grant(&mut self, filter: &str, qos: QoS) -> Granted {
        let Ok(topic) = SubscribeTopic::parse(filter) else { return Granted::Invalid };
        if !self.is_me(topic.device()) {
            return Granted::NotOwn;
        }
        let by_number = topic.device() == &*self.number;
        let at_least_once = qos != QoS::AtMostOnce;
        *self.downlink.slot(&topic) = Some(Subscription { at_least_once, by_number });
        self.downlink.config_asked |= matches!(topic, SubscribeTopic::Config { .. });
        Granted::Qos(if at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce })
    }

    pub(super) fn on_unsubscribe(&mut self, id: NonZeroU16, filters: &[String]) -> Result<(), Ending> {
        let mut existed = Vec::with_capacity(filters.len());
        for filter in filters {
            let own = SubscribeTopic::parse(filter).ok().filter(|t| self.is_me(t.device()));
            existed.push(own.is_some_and(|t| self.downlink.slot(&t).take().is_some()));
        }
        self.wire.unsuback(&mut self.outbox.bytes, id, &existed).map_err(|e| Ending::Malformed(format!("UNSUBSCRIBE: {e}")))
    }

    /// Sends the configuration if a SUBSCRIBE asked for it or its version grew. None at all is an empty payload.
    pub(super) fn send_config(&mut self, config: Option<DeviceConfig>) {
        let Some(subscription) = self.downlink.config else { return };
        let version = config.as_ref().map_or(0, |c| c.version);
        let grew = self.downlink.config_sent.is_none_or(|sent| version > sent);
        if !self.downlink.config_asked && !grew {
            return;
        }
        let waiting = self.downlink.in_flight(|s| matches!(s, Sent::Config(_)));
        let reads_nothing = self.outbox.bytes.len() >= OUTBOX_BYTES;
        if reads_nothing || waiting >= CONFIGS_IN_FLIGHT || self.downlink.unacked.len() >= self.downlink.receive_max {
            // Read again at the next acknowledgement, or at the next recheck.
            self.downlink.config_deferred = true;
            self.owe_config();
            self.bridge.counters.configs_deferred.one();
            return;
        }
        self.downlink.config_asked = false;
        self.downlink.config_sent = Some(version);
        let data = config.map(|c| Bytes::from(c.data)).unwrap_or_default();
        // A device whose maximum packet size is below its configuration cannot have it; the next version may fit.
        if let Ok(id) = self.push(subscription, "config", data, None) {
            self.bridge.counters.configs.one();
            if let Some(id) = id {
                self.downlink.unacked.push((id, Sent::Config(version)));
            }
            self.note_seen(Seen::ConfigSend);
        }
    }

    /// Sends a command, or says why not.
    pub(super) fn on_order(&mut self, order: Order) {
        let Order { command, reply } = order;
        let kept = command.id.clone();
        match self.send_command(command) {
            Sending::Awaited(id) => self.downlink.unacked.push((id, Sent::Command(reply, kept))),
            Sending::Ended(delivery) => {
                self.bridge.counters.commands.add(usize::from(delivery == Delivery::Delivered));
                // Who asked may have given up.
                let _gone = reply.send(Ok(delivery));
            }
        }
    }

    fn send_command(&mut self, command: Command) -> Sending {
        let Some(subscription) = self.downlink.commands else { return Sending::Ended(Delivery::NotSubscribed) };
        let waiting = self.downlink.in_flight(|s| matches!(s, Sent::Command(..)));
        let full = waiting >= self.bridge.limits.commands_in_flight || self.downlink.unacked.len() >= self.downlink.receive_max;
        if full && subscription.at_least_once {
            self.bridge.counters.commands_refused.one();
            return Sending::Ended(Delivery::Busy);
        }
        let topic = if command.subfolder.is_empty() { "commands".into() } else { format!("commands/{}", command.subfolder) };
        let user = command.id.map(|id| (COMMAND_ID_PROPERTY, id));
        match self.push(subscription, &topic, command.data, user) {
            Ok(id) => id.map_or(Sending::Ended(Delivery::Delivered), Sending::Awaited),
            Err(_) => Sending::Ended(Delivery::Refused),
        }
    }

    /// Puts a publish into the outbox. Answers its packet id at QoS 1. Refused when the device's maximum packet size is
    /// below it.
    fn push(
        &mut self,
        subscription: Subscription,
        rest: &str,
        data: Bytes,
        user: Option<(&'static str, String)>,
    ) -> Result<Option<NonZeroU16>, EncodeError> {
        let device = if subscription.by_number { &*self.number } else { self.speaker.key.id.as_str() };
        let topic = format!("/devices/{device}/{rest}");
        let id = subscription.at_least_once.then(|| self.downlink.next_id());
        self.wire.publish(&mut self.outbox.bytes, topic, data, id, user)?;
        Ok(id)
    }

    pub(super) fn on_ack(&mut self, id: NonZeroU16, taken: bool) {
        // An acknowledgement of nothing is ignored: older clients send them after a reconnect.
        let Some(place) = self.downlink.unacked.iter().position(|(used, _)| *used == id) else { return };
        match self.downlink.unacked.swap_remove(place).1 {
            Sent::Config(version) if taken => {
                self.bridge.counters.config_acks.one();
                self.note_config_ack(version);
            }
            // Refused: it stays unacknowledged and comes again with the next connection.
            Sent::Config(_) => {}
            Sent::Command(reply, kept) => {
                self.bridge.counters.commands.add(usize::from(taken));
                let is_late = reply.send(Ok(if taken { Delivery::Acknowledged } else { Delivery::Refused })).is_err();
                if let Some(id) = kept.filter(|_| is_late && taken) {
                    self.note_late_ack(&id);
                }
            }
        }
        if std::mem::take(&mut self.downlink.config_deferred) {
            self.read_config();
        }
        if std::mem::take(&mut self.downlink.queue_deferred) {
            self.deliver_queued();
        }
    }
}
