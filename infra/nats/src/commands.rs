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

/// How often a command without an answer asks whether the session is still there. A device across a mobile network answers within
/// it, so most commands never ask.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// How long a probe waits to hear that nobody is there; the server says so within a millisecond.
const PROBE_LIMIT: Duration = Duration::from_millis(250);

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
        let token = subject::token(device);
        let to = subject::of(subject::COMMAND, &token);
        tokio::select! {
            biased;
            answered = tokio::time::timeout(limit, bus.client.send_request(to, request)) => match answered {
                Ok(answer) => bus.understand(answer),
                Err(_) => Ok(Delivery::TimedOut),
            },
            () = bus.deserted(&token) => Ok(Delivery::TimedOut),
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
    /// Resolves when nobody who could still answer is there. A session that ends answers all that reaches it; what was with a node that
    /// is killed, or between two servers of a cluster, is lost, and the device may have the command then.
    async fn deserted(&self, token: &str) {
        loop {
            tokio::time::sleep(PROBE_EVERY).await;
            let probe = async_nats::Request::new().inbox(self.client.new_inbox()).timeout(Some(PROBE_LIMIT));
            let heard = self.client.send_request(subject::of(subject::PROBE, token), probe).await;
            if heard.is_err_and(|e| e.kind() == RequestErrorKind::NoResponders) {
                // What was answered at the last moment is on its way.
                return tokio::time::sleep(PROBE_LIMIT).await;
            }
        }
    }

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
