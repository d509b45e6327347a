//! What a fleet does in a month.

/// Minutes of a month of 30 days.
const MINUTES: f64 = 43_200.0;
/// What Drawbridge adds to a message beside its payload: attributes and ids (docs/compatibility.md), in bytes.
const ATTRIBUTES_BYTES: f64 = 200.0;
/// Last-seen is written at most once for each device and this many minutes (docs/architecture.md).
const LAST_SEEN_MINUTES: f64 = 15.0;
/// A session of the bridge reads its device's record again after 10 to 15 minutes; the registry's a node reads once for all of
/// its sessions (`infra_bridge::Limits`).
const SESSION_LOOK_MINUTES: f64 = 12.5;
/// AWS IoT asks the authorizer again about a device that is connected (docs/adr/0014).
const AUTHORIZER_MINUTES: f64 = 15.0;
/// The fan-out at AWS knows a device and its registry for a minute (docs/adr/0014).
const KNOWN_MINUTES: f64 = 1.0;
/// An access token lives an hour and is renewed at three quarters of it.
const TOKEN_MINUTES: f64 = 45.0;

/// A fleet: every device sends `per_minute` readings of `bytes` each, `batch` of them in one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) devices: f64,
    pub(crate) per_minute: f64,
    pub(crate) bytes: f64,
    pub(crate) batch: f64,
}

impl Load {
    /// Messages a month.
    pub(crate) fn messages(&self) -> f64 {
        self.devices * self.per_minute * MINUTES / self.batch
    }

    /// Bytes of payload of one message.
    pub(crate) fn payload_bytes(&self) -> f64 {
        self.bytes * self.batch
    }

    /// Bytes of one message in Pub/Sub, attributes included.
    pub(crate) fn message_bytes(&self) -> f64 {
        self.payload_bytes() + ATTRIBUTES_BYTES
    }

    /// Minutes a month that devices are connected, all together.
    pub(crate) fn connection_minutes(&self) -> f64 {
        self.devices * MINUTES
    }

    /// Last-seen times written a month.
    pub(crate) fn last_seen_writes(&self) -> f64 {
        self.messages().min(self.connection_minutes() / LAST_SEEN_MINUTES)
    }

    /// Times a month that sessions of the bridge read their device's record.
    pub(crate) fn session_looks(&self) -> f64 {
        self.connection_minutes() / SESSION_LOOK_MINUTES
    }

    /// Times a month that AWS IoT asks who a device is.
    pub(crate) fn authorizations(&self) -> f64 {
        self.connection_minutes() / AUTHORIZER_MINUTES
    }

    /// Times a month that the fan-out at AWS looks at the records.
    pub(crate) fn fan_out_looks(&self) -> f64 {
        self.messages().min(self.connection_minutes() / KNOWN_MINUTES)
    }

    /// Access tokens given a month, when devices publish by themselves: none is fetched more often than it is used.
    pub(crate) fn tokens(&self) -> f64 {
        self.messages().min(self.connection_minutes() / TOKEN_MINUTES)
    }
}
