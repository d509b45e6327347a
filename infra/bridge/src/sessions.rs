//! The live sessions of this process, by device; and the [`CommandChannel`] over them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Command, CommandChannel, Delivery};
use domain::{DeviceKey, PortError};
use tokio::sync::{mpsc, oneshot};

use crate::bridge::Bridge;
use crate::signals::{Signal, Signals};

/// How often a stopping bridge tells its sessions.
const DRAIN_ROUND: Duration = Duration::from_millis(100);

/// A command on its way to a session, with who waits for its fate.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) command: Command,
    pub(crate) reply: oneshot::Sender<Result<Delivery, PortError>>,
}

/// What the map knows of a session.
#[derive(Debug)]
struct Entrance {
    /// Which of the device's connections it is.
    number: u64,
    signals: Arc<Signals>,
    orders: mpsc::Sender<Box<Order>>,
}

/// A session's own end of its entry in the map. The entry goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    bridge: Arc<Bridge>,
    key: DeviceKey,
    number: u64,
    pub(crate) signals: Arc<Signals>,
    pub(crate) orders: mpsc::Receiver<Box<Order>>,
}

impl Registered {
    /// A number that no other session of this process has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Takes no more commands; who waits for one hears that the device is not connected.
    pub(crate) fn refuse_orders(&mut self) {
        self.orders.close();
        while self.orders.try_recv().is_ok() {}
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut map = self.bridge.sessions.lock();
        // A newer connection of the same device may have the entry by now.
        if map.get(&self.key).is_some_and(|e| e.number == self.number) {
            map.remove(&self.key);
        }
        drop(map);
        self.bridge.sessions.ended();
    }
}

/// The map. At most `max_sessions` entries: a CONNECT past it is refused.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    map: Mutex<HashMap<DeviceKey, Entrance>>,
    next: AtomicU64,
    /// Sessions not yet gone, those taken over included.
    live: AtomicU64,
    gone: tokio::sync::Notify,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceKey, Entrance>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sessions live now.
    pub(crate) fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    fn ended(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
        self.gone.notify_waiters();
    }

    /// Enters a session; an older one of the same device is told that it was taken over. `None` when the map is full.
    pub(crate) fn enter(bridge: &Arc<Bridge>, key: &DeviceKey) -> Option<Registered> {
        let this = &bridge.sessions;
        let (sender, orders) = mpsc::channel(bridge.limits.commands_in_flight.max(1));
        let signals = Arc::new(Signals::default());
        let number = this.next.fetch_add(1, Ordering::Relaxed);
        let entrance = Entrance { number, signals: signals.clone(), orders: sender };
        let mut map = this.lock();
        let full = map.len() >= bridge.limits.max_sessions;
        match map.entry(key.clone()) {
            Entry::Occupied(mut entry) => entry.insert(entrance).signals.raise(Signal::TakenOver),
            Entry::Vacant(_) if full => return None,
            Entry::Vacant(entry) => _ = entry.insert(entrance),
        }
        this.live.fetch_add(1, Ordering::Relaxed);
        Some(Registered { bridge: bridge.clone(), key: key.clone(), number, signals, orders })
    }

    /// Tells every session to finish, and waits until the last is gone.
    pub(crate) async fn drain(&self) {
        loop {
            // Again every round: a session may have entered after the last one.
            self.lock().values().for_each(|e| e.signals.raise(Signal::Shutdown));
            if tokio::time::timeout(DRAIN_ROUND, self.empty()).await.is_ok() {
                return;
            }
        }
    }

    async fn empty(&self) {
        loop {
            let gone = self.gone.notified();
            if self.live() == 0 {
                return;
            }
            gone.await;
        }
    }
}

/// Commands to the sessions of this process.
pub(crate) struct LocalCommands(pub(crate) Arc<Bridge>);

#[async_trait]
impl CommandChannel for LocalCommands {
    async fn deliver(&self, device: &DeviceKey, command: Command) -> Result<Delivery, PortError> {
        let bridge = &self.0;
        let Some(orders) = bridge.sessions.lock().get(device).map(|e| e.orders.clone()) else { return Ok(Delivery::NotConnected) };
        let (reply, answer) = oneshot::channel();
        match orders.try_send(Box::new(Order { command, reply })) {
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
            Ok(Err(_)) => Ok(Delivery::NotConnected),
            Err(_) => {
                bridge.counters.commands_timed_out.one();
                Ok(Delivery::TimedOut)
            }
        }
    }

    async fn hint(&self, device: &DeviceKey) -> Result<(), PortError> {
        if let Some(entrance) = self.0.sessions.lock().get(device) {
            entrance.signals.raise(Signal::Changed);
        }
        Ok(())
    }
}
