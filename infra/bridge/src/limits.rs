//! The bounds of the bridge: every queue has a cap, every cap a policy, every policy a counter.

use std::time::Duration;

use protocol::limits::{IDLE_LIMIT, MAX_ATTACHED_DEVICES, MAX_EVENT_BYTES, PUBLISH_WINDOW};

/// Largest packet after CONNECT, in bytes: the largest event and 32 KiB for its topic and MQTT 5 user properties.
/// Past it the connection is closed ("malformed or too large"), since the rest cannot be skipped safely.
pub(crate) const MAX_PACKET_BYTES: u32 = MAX_EVENT_BYTES as u32 + 32 * 1024;
/// Largest CONNECT, in bytes: a token of 8 KiB, a client id, and what MQTT 5 adds.
pub(crate) const MAX_CONNECT_BYTES: u32 = 16 * 1024;
/// What precedes the bytes that both of these count: the packet's type and length.
pub(crate) const FIXED_HEADER_BYTES: u32 = 5;
/// Bytes asked of a socket in one read. A burst of small publishes comes in one; an idle connection holds none.
pub(crate) const READ_BYTES: usize = 16 * 1024;
/// Publishes decoded beyond the window and not yet started, so that a PINGREQ behind them is still seen and answered.
/// Past it reading stops; TCP slows the device.
pub(crate) const HELD_PUBLISHES: usize = 2 * PUBLISH_WINDOW;
/// Payload bytes of one connection that may be at the publisher: four of the largest events. Past it reading stops.
pub(crate) const WINDOW_BYTES: usize = 4 * MAX_EVENT_BYTES;
/// Payload bytes decoded and not yet started, per connection. Past it reading stops.
pub(crate) const HELD_BYTES: usize = MAX_EVENT_BYTES;
/// Bytes that wait for a device to read them. Past it nothing more is read from the device.
pub(crate) const OUTBOX_BYTES: usize = 256 * 1024;
/// Configurations sent and not acknowledged, per connection. Past it newer ones wait for an acknowledgement.
pub(crate) const CONFIGS_IN_FLIGHT: usize = 4;
/// Attached devices of one session whose records are read again at the same time.
pub(crate) const REREADS: usize = 8;
/// Keep-alive asked of an MQTT 5 client that wants none or a longer one: two thirds of the idle limit.
pub(crate) const SERVER_KEEPALIVE_SECS: u16 = (IDLE_LIMIT.as_secs() * 2 / 3) as u16;

/// What an operator may set. [`Limits::default`] is what Cloud IoT Core promised, where it promised something.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Live sessions. Past it a CONNECT is answered "server unavailable" (3.1.1: 3) or "server busy" (5: 0x89).
    pub max_sessions: usize,
    /// Connections that have not been let in yet. Past it the oldest silent one is closed, or the oldest of all once
    /// it is [`Limits::grace`] old; until then nothing is accepted.
    pub max_waiting: usize,
    /// How long a waiting connection that sent something is safe from being closed for a newer one; a silent one is
    /// for an eighth of this.
    pub grace: Duration,
    /// Time from the accepted connection to its CONNECT, TLS handshake included; over WebSocket, from the request for it.
    pub connect_timeout: Duration,
    /// A session without any packet for this long is closed.
    pub idle: Duration,
    /// The longest life of a session; `None`: as long as its token. It ends in order between two thirds of this and all of it,
    /// so that devices that came together do not come back together.
    pub max_session: Option<Duration>,
    /// Publishes of one session at the publisher.
    pub window: usize,
    /// Payload bytes at the publisher, all sessions together. Past it a session starts a batch only when it has none
    /// there.
    pub publish_bytes: usize,
    /// Commands sent to one session and not acknowledged. Past it a command times out at once.
    pub commands_in_flight: usize,
    /// Devices attached to one gateway's session. Past it an attach is refused on the errors topic.
    pub attached_devices: usize,
    /// How long a command waits for the device's acknowledgement. Well below [`domain::command::CLAIM_LAPSES`], or a command
    /// that waited is sent by somebody else meanwhile.
    pub command_timeout: Duration,
    /// A session looks at its registry, at devices attached by their own tokens, and at what it owes this often, at the latest.
    pub recheck: Duration,
    /// A session reads its device's record again this often, at the latest, and those of other attached devices. Changes come
    /// by hints; this is for a hint that was lost. It is what a connected device costs in reads.
    pub reread: Duration,
    /// A session that takes none of the bytes written to it for this long is closed.
    pub write_stall: Duration,
    /// How long a closing session may wait for its publishes, and a stopping bridge for its sessions.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_sessions: 20_000,
            max_waiting: 4_000,
            grace: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(10),
            idle: IDLE_LIMIT,
            max_session: None,
            window: PUBLISH_WINDOW,
            publish_bytes: 512 * 1024 * 1024,
            commands_in_flight: 20,
            attached_devices: MAX_ATTACHED_DEVICES,
            command_timeout: Duration::from_secs(30),
            recheck: Duration::from_secs(60),
            reread: Duration::from_secs(15 * 60),
            write_stall: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}
