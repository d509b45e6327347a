//! What one client has subscribed to, and what it has been sent and not acknowledged.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use protocol::SubscribeTopic;
use rmqtt_codec::types::QoS;
use tokio::sync::watch;

use super::wire::Reply;
use crate::downlink::{Command, Downlink, Subscription};

/// Packets to one client that may await its acknowledgement.
const MAX_UNACKED: usize = 16;

pub(super) struct Subscriptions {
    downlink: Arc<Downlink>,
    device: String,
    config: Option<(watch::Receiver<Option<Bytes>>, QoS)>,
    commands: Option<(Subscription, QoS)>,
    /// A command is taken when its packet is acknowledged; a configuration (`None`) was acknowledged to the cloud when
    /// it was kept.
    unacked: HashMap<NonZeroU16, Option<Command>>,
    room: usize,
    last_id: u16,
}

impl Subscriptions {
    pub(super) fn new(downlink: Arc<Downlink>, device: &str, receive_max: usize) -> Self {
        let room = receive_max.clamp(1, MAX_UNACKED);
        Self { downlink, device: device.to_owned(), config: None, commands: None, unacked: HashMap::new(), room, last_id: 0 }
    }

    /// The QoS granted, or `None` for a filter that Cloud IoT Core refused too or that is of another device.
    pub(super) fn subscribe(&mut self, filter: &str, qos: QoS) -> Option<QoS> {
        let topic = SubscribeTopic::parse(filter).ok().filter(|topic| topic.device() == self.device)?;
        let qos = qos.less_value(QoS::AtLeastOnce);
        match topic {
            SubscribeTopic::Config { .. } => {
                let mut config = self.downlink.config();
                // What is known already is sent too, after SUBACK.
                config.mark_changed();
                self.config = Some((config, qos));
            }
            SubscribeTopic::Commands { .. } => self.commands = Some((self.downlink.subscribe(), qos)),
            // Errors are told to gateways, which this shim is not; there are none.
            SubscribeTopic::Errors { .. } => {}
        }
        Some(qos)
    }

    pub(super) fn unsubscribe(&mut self, filter: &str) {
        match SubscribeTopic::parse(filter) {
            Ok(SubscribeTopic::Config { .. }) => self.config = None,
            Ok(SubscribeTopic::Commands { .. }) => self.commands = None,
            _ => {}
        }
    }

    /// The client has acknowledged a packet.
    pub(super) fn acked(&mut self, id: NonZeroU16) {
        if let Some(Some(command)) = self.unacked.remove(&id) {
            command.taken();
        }
    }

    /// The next packet for the client. May be dropped and called again; pending while there is none or no room.
    pub(super) async fn next(&mut self) -> Reply {
        if self.unacked.len() >= self.room {
            return std::future::pending().await;
        }
        let Self { config, commands, .. } = self;
        tokio::select! {
            Some((payload, qos)) = next_config(config) => self.send_config(payload, qos),
            Some((command, qos)) = next_command(commands) => self.send_command(command, qos),
            else => std::future::pending().await,
        }
    }

    fn send_config(&mut self, payload: Bytes, qos: QoS) -> Reply {
        let id = self.id_for(qos);
        if let Some(id) = id {
            self.unacked.insert(id, None);
        }
        Reply::Publish { topic: format!("/devices/{}/config", self.device), payload, id }
    }

    fn send_command(&mut self, command: Command, qos: QoS) -> Reply {
        let slash = if command.subfolder.is_empty() { "" } else { "/" };
        let topic = format!("/devices/{}/commands{slash}{}", self.device, command.subfolder);
        let (payload, id) = (command.payload.clone(), self.id_for(qos));
        match id {
            Some(id) => drop(self.unacked.insert(id, Some(command))),
            // At most once: written is all there is to know.
            None => command.taken(),
        }
        Reply::Publish { topic, payload, id }
    }

    fn id_for(&mut self, qos: QoS) -> Option<NonZeroU16> {
        if qos == QoS::AtMostOnce {
            return None;
        }
        self.last_id = self.last_id.wrapping_add(1).max(1);
        NonZeroU16::new(self.last_id)
    }
}

async fn next_config(config: &mut Option<(watch::Receiver<Option<Bytes>>, QoS)>) -> Option<(Bytes, QoS)> {
    let (config, qos) = config.as_mut()?;
    loop {
        config.changed().await.ok()?;
        if let Some(payload) = config.borrow_and_update().clone() {
            return Some((payload, *qos));
        }
    }
}

async fn next_command(commands: &mut Option<(Subscription, QoS)>) -> Option<(Command, QoS)> {
    let (commands, qos) = commands.as_mut()?;
    commands.next().await.map(|command| (command, *qos))
}
