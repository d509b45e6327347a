//! What a session starts with.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use domain::device::GatewayType;
use domain::{Registry, VerifiedDevice};

use super::party::{Parties, Party};
use super::{Chores, Downlink, Session, Timers, Window};
use crate::bridge::Bridge;
use crate::limits::SERVER_KEEPALIVE_SECS;
use crate::link::{Link, Outbox};
use crate::packet::Wire;
use crate::sessions::Registered;

/// What CONNECT left behind.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) device: VerifiedDevice,
    pub(crate) registry: Registry,
    pub(crate) registered: Registered,
    pub(crate) token: Box<str>,
    /// Seconds; 0 is none.
    pub(crate) keep_alive: u16,
    pub(crate) receive_max: usize,
}

impl Opening {
    /// The keep-alive to tell an MQTT 5 client that asked for none or for one beyond the idle limit.
    pub(crate) fn server_keep_alive(&self, idle: Duration) -> Option<u16> {
        let within = self.keep_alive != 0 && silence(self.keep_alive) <= idle;
        (!within).then_some(SERVER_KEEPALIVE_SECS)
    }
}

/// How long a client may be silent: its keep-alive and half of it again (MQTT 3.1.1, 3.1.2.10).
fn silence(keep_alive: u16) -> Duration {
    Duration::from_millis(u64::from(keep_alive) * 1500)
}

impl Session {
    /// A session whose first bytes out are `connack`.
    pub(crate) fn new(bridge: Arc<Bridge>, link: Box<dyn Link>, wire: Wire, inbox: BytesMut, connack: BytesMut, opening: Opening) -> Self {
        let Opening { device, registry, registered, token, keep_alive, receive_max } = opening;
        let idle = bridge.limits.idle;
        let quiet = if keep_alive == 0 { idle } else { silence(keep_alive).min(idle) };
        let life = device.expires_at().since(bridge.fanout.clock.now());
        let life = (life, device.expires_at(), bridge.limits.max_session);
        let timers = Timers::new(quiet, life, bridge.limits.recheck, registered.seat.place());
        let window = Window::new(bridge.limits.window);
        let mut outbox = Outbox::default();
        outbox.bytes = connack;
        let (device, place) = (device.device(), registered.seat.place());
        Self {
            link,
            wire,
            inbox,
            outbox,
            parties: Parties::new(Party::own(place, device, Arc::new(registry), token)),
            is_gateway: device.gateway.kind == GatewayType::Gateway,
            window,
            downlink: Downlink::new(receive_max),
            chores: Chores::default(),
            timers,
            registered,
            full: false,
            bridge,
        }
    }
}
