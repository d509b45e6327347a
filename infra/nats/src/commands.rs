//! The side of the functions: commands and hints to whichever node has the device.

use std::time::Duration;

use async_nats::{RequestError, RequestErrorKind};
use async_trait::async_trait;
use domain::ports::{Command, CommandChannel, Delivery};
use domain::{DeviceKey, PortError};

use crate::bus::{Bus, Nats, SEND_LIMIT, TOLD_DOWN};
use crate::subject;
use crate::wire::{Answer, Request};

/// What a request may take beyond the device's own time limit: the way there and back.
pub const MARGIN: Duration = Duration::from_secs(5);

#[async_trait]
impl CommandChannel for Nats {
    async fn deliver(&self, device: &DeviceKey, command: Command) -> Result<Delivery, PortError> {
        let bus = &*self.bus;
        bus.counters.asked.one();
        let mut link = bus.link.clone();
        link.borrow_and_update();
        // Checked first: the client would keep the request until the bus is back.
        if !bus.is_up() {
            return Err(bus.down("NATS is not connected"));
        }
        let limit = bus.command_timeout + MARGIN;
        let request = Request { until: bus.clock.now() + limit, command };
        let payload = request.encode().map_err(|e| PortError::lasting("commands", e))?;
        // An inbox of its own: the client keeps the place of an answer that never comes in its shared one for ever.
        let request = async_nats::Request::new().payload(payload).inbox(bus.client.new_inbox()).timeout(None);
        let to = subject::of(subject::COMMAND, &subject::token(device));
        tokio::select! {
            answered = tokio::time::timeout(limit, bus.client.send_request(to, request)) => match answered {
                Ok(answer) => bus.understand(answer),
                Err(_) => Ok(Delivery::TimedOut),
            },
            _ = link.changed() => Err(bus.down("NATS was lost while a command was under way; the device may have it")),
        }
    }

    async fn hint(&self, device: &DeviceKey) -> Result<(), PortError> {
        let bus = &*self.bus;
        if !bus.is_up() {
            return Err(bus.down("NATS is not connected"));
        }
        let sending = async {
            bus.client
                .publish(subject::of(subject::CONFIG, &subject::token(device)), bytes::Bytes::new())
                .await
                .map_err(|e| e.to_string())?;
            bus.client.flush().await.map_err(|e| e.to_string())
        };
        match tokio::time::timeout(SEND_LIMIT, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(bus.down(&e)),
            Err(_) => Err(bus.down("NATS takes nothing")),
        }
    }
}

impl Bus {
    fn understand(&self, answer: Result<async_nats::Message, RequestError>) -> Result<Delivery, PortError> {
        let lasting = |text: &'static str| Err(PortError::lasting("commands", text).telling(text));
        let message = match answer {
            Ok(message) => message,
            Err(e) if e.kind() == RequestErrorKind::NoResponders => return Ok(Delivery::NotConnected),
            Err(e) if e.kind() == RequestErrorKind::TimedOut => return Ok(Delivery::TimedOut),
            Err(e) => return Err(self.down(&e.to_string())),
        };
        match Answer::decode(message.payload) {
            Ok(Answer::Became(delivery)) => Ok(delivery),
            Ok(Answer::Late) => lasting("the clocks of the function and of the bridge node differ too much; the command was not delivered"),
            Ok(Answer::Unreadable) => lasting("the bridge node is of another version and did not understand the command"),
            Ok(Answer::Failed) => Err(PortError::passing("commands", "the bridge node failed").telling(TOLD_DOWN)),
            Err(e) => {
                self.counters.unreadable.one();
                Err(PortError::lasting("commands", e))
            }
        }
    }
}
