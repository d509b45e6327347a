//! The live sessions of this process, by device: a device's own, or that of the gateway it is attached to.

mod seat;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::DeviceKey;
use tokio::sync::mpsc;

use crate::bridge::Bridge;
use crate::reach::Reach;
use crate::signals::{Signal, Signals};
pub(crate) use seat::{Registered, Seat};

/// How often a stopping bridge tells its sessions.
const DRAIN_ROUND: Duration = Duration::from_millis(100);

/// Who is where.
#[derive(Debug, Default)]
struct Map {
    reaches: HashMap<DeviceKey, Reach>,
    /// How many of them are devices attached to gateways.
    attached: usize,
}

impl Map {
    /// Puts a device in; whoever was there before is told that it was taken over.
    fn put(&mut self, key: &DeviceKey, reach: Reach) {
        self.attached += usize::from(reach.is_attached);
        if let Some(old) = self.reaches.insert(key.clone(), reach) {
            self.attached -= usize::from(old.is_attached);
            old.raise(Signal::TakenOver);
        }
    }

    /// Takes the device out, unless a newer connection has its entry by now.
    fn remove(&mut self, key: &DeviceKey, place: u64) {
        if self.reaches.get(key).is_some_and(|r| r.place == place) {
            self.attached -= usize::from(self.reaches.remove(key).is_some_and(|r| r.is_attached));
        }
    }
}

/// The map. At most `max_sessions` sessions: a CONNECT past it is refused. Each may have as many attached devices as its own
/// limit says.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    map: Mutex<Map>,
    next: AtomicU64,
    /// Sessions not yet gone, those taken over included.
    live: AtomicU64,
    gone: tokio::sync::Notify,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Map> {
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
        let place = this.next.fetch_add(1, Ordering::Relaxed);
        let reach = Reach { place, is_attached: false, signals: signals.clone(), orders: sender };
        let mut map = this.lock();
        let sessions = map.reaches.len() - map.attached;
        let takes_place = map.reaches.get(key).is_some_and(|old| !old.is_attached);
        if sessions >= bridge.limits.max_sessions && !takes_place {
            return None;
        }
        map.put(key, reach);
        this.live.fetch_add(1, Ordering::Relaxed);
        Some(Registered { seat: Seat::new(bridge, key, place, false), signals, orders })
    }

    /// Enters a device that is attached to the gateway whose session `gateway` leads to. An older session of the device, or
    /// of a gateway it was attached to, is told that it was taken over.
    pub(crate) fn attach(bridge: &Arc<Bridge>, key: &DeviceKey, gateway: &Reach) -> Seat {
        let this = &bridge.sessions;
        let place = this.next.fetch_add(1, Ordering::Relaxed);
        this.lock().put(key, gateway.attached(place));
        Seat::new(bridge, key, place, true)
    }

    /// The session of a device.
    pub(crate) fn reach(&self, key: &DeviceKey) -> Option<Reach> {
        self.lock().reaches.get(key).cloned()
    }

    /// The same, unless a newer connection has the entry.
    fn reach_of(&self, key: &DeviceKey, place: u64) -> Option<Reach> {
        self.reach(key).filter(|r| r.place == place)
    }

    /// Tells every session to finish, and waits until the last is gone.
    pub(crate) async fn drain(&self) {
        loop {
            // Again every round: a session may have entered after the last one.
            self.lock().reaches.values().for_each(|reach| reach.signals.raise(Signal::Shutdown));
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
