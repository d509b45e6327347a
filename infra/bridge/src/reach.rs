//! How a live session is reached: by [`CommandChannel`] from this process, by [`LiveSession`] from other nodes.

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{Command, CommandChannel, Delivery, LiveSession};
use domain::{DeviceKey, PortError};
use tokio::sync::{mpsc, oneshot};

use crate::bridge::Bridge;
use crate::signals::{Signal, Signals};

/// A command on its way to a session, with who waits for its fate.
#[derive(Debug)]
pub(crate) struct Order {
    /// Whom it is for: the session's own place in the map, or that of a device attached to it.
    pub(crate) place: u64,
    pub(crate) command: Command,
    pub(crate) reply: oneshot::Sender<Result<Delivery, PortError>>,
}

/// The near end of what a session listens to.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    /// The place in the map that it leads to.
    pub(crate) place: u64,
    /// Whether the device is there through a gateway, whose signals and orders these are.
    pub(crate) is_attached: bool,
    pub(crate) signals: Arc<Signals>,
    pub(crate) orders: mpsc::Sender<Box<Order>>,
}

impl Reach {
    /// The same session, as the device at `place` that is attached to it is reached.
    pub(crate) fn attached(&self, place: u64) -> Self {
        Self { place, is_attached: true, ..self.clone() }
    }

    /// Tells the session something about the device.
    pub(crate) fn raise(&self, signal: Signal) {
        if self.is_attached { self.signals.raise_attached(self.place, signal) } else { self.signals.raise(signal) }
    }

    async fn deliver(&self, bridge: &Bridge, command: Command) -> Result<Delivery, PortError> {
        let (reply, answer) = oneshot::channel();
        match self.orders.try_send(Box::new(Order { place: self.place, command, reply })) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => return Ok(Delivery::NotConnected),
            Err(mpsc::error::TrySendError::Full(_)) => {
                bridge.counters.commands_refused.one();
                return Ok(Delivery::Busy);
            }
        }
        match tokio::time::timeout(bridge.limits.command_timeout, answer).await {
            Ok(Ok(answer)) => answer,
            // The session ended with the command in hand.
            Ok(Err(_)) => Ok(Delivery::Lost),
            Err(_) => {
                bridge.counters.commands_timed_out.one();
                Ok(Delivery::TimedOut)
            }
        }
    }
}

/// Commands to the sessions of this process.
pub(crate) struct LocalCommands(pub(crate) Arc<Bridge>);

#[async_trait]
impl CommandChannel for LocalCommands {
    async fn deliver(&self, device: &DeviceKey, command: Command) -> Result<Delivery, PortError> {
        match self.0.sessions.reach(device) {
            Some(session) => session.deliver(&self.0, command).await,
            None => Ok(Delivery::NotConnected),
        }
    }

    async fn hint(&self, device: &DeviceKey) -> Result<(), PortError> {
        if let Some(session) = self.0.sessions.reach(device) {
            session.raise(Signal::Changed);
        }
        Ok(())
    }
}

/// One session, for the other nodes.
pub(crate) struct Local {
    pub(crate) bridge: Arc<Bridge>,
    pub(crate) reach: Reach,
}

#[async_trait]
impl LiveSession for Local {
    async fn deliver(&self, command: Command) -> Result<Delivery, PortError> {
        self.reach.deliver(&self.bridge, command).await
    }

    fn hint(&self) {
        self.reach.raise(Signal::Changed);
    }

    fn take_over(&self) {
        self.reach.raise(Signal::TakenOver);
    }
}
