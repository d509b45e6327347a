//! The side of the nodes: a session is subscribed and announced while it lives.

mod farewell;
mod seat;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use domain::DeviceKey;
use domain::ports::{LiveSession, Presence};
use tokio::sync::oneshot;

use crate::bus::Nats;
use crate::subject;
use crate::wire::Stamp;
use seat::Seat;

/// How long a device's CONNACK waits for a server that is up but slow. The way to the server and back takes a tenth of a
/// millisecond; past this the device is let in all the same and becomes reachable a moment later.
const CONFIRM_LIMIT: Duration = Duration::from_millis(250);

/// Ends the presence when it is dropped: the task hears that the other end is gone.
struct Leaving {
    _leave: oneshot::Sender<()>,
}

#[async_trait]
impl Presence for Nats {
    async fn enter(&self, device: &DeviceKey, session: Arc<dyn LiveSession>) -> Box<dyn Send + Sync> {
        let bus = self.bus.clone();
        let stamp = Stamp { at: bus.clock.now(), node: bus.node, number: bus.next.fetch_add(1, Ordering::Relaxed) };
        let (leave, left) = oneshot::channel();
        let (confirm, confirmed) = oneshot::channel();
        let leaving = Leaving { _leave: leave };
        let seat = Seat::new(bus.clone(), subject::token(device), stamp, session, confirm);
        tokio::spawn(seat.keep(left));
        if bus.is_up() && !matches!(tokio::time::timeout(CONFIRM_LIMIT, confirmed).await, Ok(Ok(()))) {
            bus.counters.unconfirmed.one();
        }
        Box::new(leaving)
    }
}
