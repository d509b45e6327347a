//! A session's own ends of its entries in the map.

use std::sync::Arc;

use domain::DeviceKey;
use domain::ports::Delivery;
use tokio::sync::mpsc;

use crate::bridge::Bridge;
use crate::reach::{Local, Order, Reach};
use crate::signals::Signals;

/// The entry of one device. It goes when this is dropped.
pub(crate) struct Seat {
    bridge: Arc<Bridge>,
    key: DeviceKey,
    place: u64,
    /// Whether it is a device attached to a gateway; else it is a session, and counted.
    is_attached: bool,
    /// Other nodes reach the device while this lives.
    presence: Option<Box<dyn Send + Sync>>,
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").field("key", &self.key).field("place", &self.place).finish_non_exhaustive()
    }
}

impl Seat {
    pub(super) fn new(bridge: &Arc<Bridge>, key: &DeviceKey, place: u64, is_attached: bool) -> Self {
        Self { bridge: bridge.clone(), key: key.clone(), place, is_attached, presence: None }
    }

    /// A number that no other entry of this process has.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// Tells the other nodes that the device is here.
    pub(crate) async fn announce(&mut self) {
        if let (Some(presence), Some(reach)) = (&self.bridge.presence, self.bridge.sessions.reach_of(&self.key, self.place)) {
            let session = Local { bridge: self.bridge.clone(), reach };
            self.presence = Some(presence.enter(&self.key, Arc::new(session)).await);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.bridge.sessions.lock().remove(&self.key, self.place);
        if !self.is_attached {
            self.bridge.sessions.ended();
        }
    }
}

/// What a session has of the map: its own seat, and the far ends of what others tell it.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) seat: Seat,
    pub(crate) signals: Arc<Signals>,
    pub(crate) orders: mpsc::Receiver<Box<Order>>,
}

impl Registered {
    /// How this session is reached; `None` once a newer connection of the device has its entry.
    pub(crate) fn reach(&self) -> Option<Reach> {
        self.seat.bridge.sessions.reach_of(&self.seat.key, self.seat.place)
    }

    /// Takes no more commands; who waits for one that was not taken up hears that the device is not connected.
    pub(crate) fn refuse_orders(&mut self) {
        self.seat.presence = None;
        self.orders.close();
        while let Ok(order) = self.orders.try_recv() {
            // Who gave up has gone.
            let _answered = order.reply.send(Ok(Delivery::NotConnected));
        }
    }
}
