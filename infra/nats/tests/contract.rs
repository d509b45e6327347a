//! The contract of `CommandChannel` over a real nats-server: the function on one connection, devices on two nodes by turns.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, dead_code, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contract::command_channel::{Device, Subject};
use domain::ports::{Command, CommandChannel, Delivery, LiveSession, Presence as _};
use domain::{DeviceKey, PortError};
use infra_nats::{MARGIN, Nats};
use support::{Bus, COMMAND_TIMEOUT};
use tokio::sync::{mpsc, oneshot};

/// As long as a device waits for a command.
const PATIENCE: Duration = Duration::from_secs(5);

struct OverTheBus {
    function: Nats,
    nodes: [Nats; 2],
    connects: AtomicUsize,
    _bus: Bus,
}

async fn over_the_bus() -> OverTheBus {
    let bus = Bus::new();
    let nodes = [bus.node().await, bus.node().await];
    OverTheBus { function: bus.node().await, nodes, connects: AtomicUsize::new(0), _bus: bus }
}

contract::command_channel_suite!(over_the_bus);

#[async_trait]
impl Subject for OverTheBus {
    type Device = Connected;

    fn channel(&self) -> Arc<dyn CommandChannel> {
        Arc::new(self.function.clone())
    }

    fn limit(&self) -> Duration {
        COMMAND_TIMEOUT + MARGIN
    }

    fn key(&self, device: &str) -> DeviceKey {
        support::key(device)
    }

    async fn connect(&self, device: &str) -> Connected {
        let node = &self.nodes[self.connects.fetch_add(1, Ordering::Relaxed) % 2];
        let (to_device, commands) = mpsc::unbounded_channel();
        let session = Arc::new(Session { qos: Mutex::default(), to_device, seat: Mutex::default() });
        let seat = node.enter(&support::key(device), session.clone()).await;
        *session.seat.lock().unwrap() = Some(seat);
        Connected { session, commands, taken: None }
    }
}

/// A command on its way to the device, and where its acknowledgement goes.
type Sent = (Command, oneshot::Sender<()>);

/// What a bridge node keeps of a device.
struct Session {
    /// At what it subscribed, once it did.
    qos: Mutex<Option<u8>>,
    to_device: mpsc::UnboundedSender<Sent>,
    /// Its place on the bus.
    seat: Mutex<Option<Box<dyn Send + Sync>>>,
}

#[async_trait]
impl LiveSession for Session {
    async fn deliver(&self, command: Command) -> Result<Delivery, PortError> {
        let Some(qos) = *self.qos.lock().unwrap() else { return Ok(Delivery::NotSubscribed) };
        let (acknowledge, acknowledged) = oneshot::channel();
        if self.to_device.send((command, acknowledge)).is_err() {
            return Ok(Delivery::Lost);
        }
        if qos == 0 {
            return Ok(Delivery::Delivered);
        }
        Ok(match tokio::time::timeout(COMMAND_TIMEOUT, acknowledged).await {
            Ok(Ok(())) => Delivery::Acknowledged,
            Ok(Err(_)) => Delivery::Lost,
            Err(_) => Delivery::TimedOut,
        })
    }

    fn hint(&self) {}

    fn take_over(&self) {
        self.seat.lock().unwrap().take();
    }
}

/// A device's own end. The session ends with it.
struct Connected {
    session: Arc<Session>,
    commands: mpsc::UnboundedReceiver<Sent>,
    taken: Option<oneshot::Sender<()>>,
}

#[async_trait]
impl Device for Connected {
    async fn subscribe(&mut self, qos: u8) {
        *self.session.qos.lock().unwrap() = Some(qos);
    }

    async fn take(&mut self) -> (String, Bytes) {
        let (command, acknowledge) = tokio::time::timeout(PATIENCE, self.commands.recv()).await.expect("no command").unwrap();
        self.taken = Some(acknowledge);
        (command.subfolder, command.data)
    }

    async fn acknowledge(&mut self) {
        // Whoever waited for it may have given up.
        let _waiting = self.taken.take().unwrap().send(());
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.session.seat.lock().unwrap().take();
    }
}
