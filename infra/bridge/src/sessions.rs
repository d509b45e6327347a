//! The live sessions of this process, by device.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::DeviceKey;
use tokio::sync::mpsc;

use crate::bridge::Bridge;
use crate::reach::{Local, Order, Reach};
use crate::signals::{Signal, Signals};

/// How often a stopping bridge tells its sessions.
const DRAIN_ROUND: Duration = Duration::from_millis(100);

/// What the map knows of a session.
#[derive(Debug)]
struct Entrance {
    /// Which of the device's connections it is.
    number: u64,
    reach: Reach,
}

/// A session's own end of its entry in the map. The entry goes when this is dropped.
pub(crate) struct Registered {
    bridge: Arc<Bridge>,
    key: DeviceKey,
    number: u64,
    pub(crate) signals: Arc<Signals>,
    pub(crate) orders: mpsc::Receiver<Box<Order>>,
    /// Other nodes reach the session while this lives.
    presence: Option<Box<dyn Send + Sync>>,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registered").field("key", &self.key).field("number", &self.number).finish_non_exhaustive()
    }
}

impl Registered {
    /// A number that no other session of this process has.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Tells the other nodes that the session is here.
    pub(crate) async fn announce(&mut self) {
        if let (Some(presence), Some(reach)) = (&self.bridge.presence, self.bridge.sessions.reach_of(&self.key, self.number)) {
            let session = Local { bridge: self.bridge.clone(), reach };
            self.presence = Some(presence.enter(&self.key, Arc::new(session)).await);
        }
    }

    /// Takes no more commands; who waits for one hears that the device is not connected.
    pub(crate) fn refuse_orders(&mut self) {
        self.presence = None;
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
        let entrance = Entrance { number, reach: Reach { signals: signals.clone(), orders: sender } };
        let mut map = this.lock();
        let full = map.len() >= bridge.limits.max_sessions;
        match map.entry(key.clone()) {
            Entry::Occupied(mut entry) => entry.insert(entrance).reach.signals.raise(Signal::TakenOver),
            Entry::Vacant(_) if full => return None,
            Entry::Vacant(entry) => _ = entry.insert(entrance),
        }
        this.live.fetch_add(1, Ordering::Relaxed);
        Some(Registered { bridge: bridge.clone(), key: key.clone(), number, signals, orders, presence: None })
    }

    /// The session of a device.
    pub(crate) fn reach(&self, key: &DeviceKey) -> Option<Reach> {
        self.lock().get(key).map(|e| e.reach.clone())
    }

    /// The same, unless a newer connection has the entry.
    fn reach_of(&self, key: &DeviceKey, number: u64) -> Option<Reach> {
        self.lock().get(key).filter(|e| e.number == number).map(|e| e.reach.clone())
    }

    /// Tells every session to finish, and waits until the last is gone.
    pub(crate) async fn drain(&self) {
        loop {
            // Again every round: a session may have entered after the last one.
            self.lock().values().for_each(|e| e.reach.signals.raise(Signal::Shutdown));
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
