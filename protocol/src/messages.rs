//! What travels beside a payload: Pub/Sub attribute names and the identity of a reading.

use std::fmt;
use std::str::FromStr;

/// Names of Pub/Sub attributes. The first seven are Cloud IoT Core's, byte for byte; the rest are ours.
/// Source: `docs/compatibility.md`, "Pub/Sub attributes".
pub mod attribute {
    /// The id its owner gave the device.
    pub const DEVICE_ID: &str = "deviceId";
    /// The number the server gave the device, in decimal.
    pub const DEVICE_NUM_ID: &str = "deviceNumId";
    /// Registry id.
    pub const REGISTRY_ID: &str = "deviceRegistryId";
    /// Registry location.
    pub const REGISTRY_LOCATION: &str = "deviceRegistryLocation";
    /// Project id.
    pub const PROJECT_ID: &str = "projectId";
    /// Subfolder of an event, present and empty when there was none; absent on state messages.
    pub const SUBFOLDER: &str = "subFolder";
    /// The gateway that spoke for the device; absent without one.
    pub const GATEWAY_ID: &str = "gatewayId";
    /// `{boot}-{seq}` of the reading; with `deviceId` unique, so that a subscriber drops duplicates and sees gaps.
    pub const READING_ID: &str = "readingId";
    /// When the reading was taken: milliseconds since the epoch by the device's corrected clock.
    pub const CAPTURED_AT_MS: &str = "capturedAtMs";
}

/// User property of an MQTT 5 CONNACK: the cloud's time in milliseconds since the epoch, in decimal. A device whose
/// clock is wrong signs its next token by it.
pub const SERVER_TIME_PROPERTY: &str = "serverTime";

/// User property of an MQTT 5 PUBLISH of a command that may come more than once: its id. A device drops a repeat by it.
pub const COMMAND_ID_PROPERTY: &str = "commandId";

/// Identity of a reading within its device: which start of the shim took it, and its place in the spool.
/// `seq` grows by one over the life of a spool, across boots; written `{boot}-{seq}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadingId {
    /// Counts the starts of the shim, from 1.
    pub boot: u64,
    /// Counts the readings of the spool, from 1.
    pub seq: u64,
}

impl fmt::Display for ReadingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.boot, self.seq)
    }
}

impl FromStr for ReadingId {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let parsed = s.split_once('-').and_then(|(b, q)| Some(Self { boot: b.parse().ok()?, seq: q.parse().ok()? }));
        parsed.ok_or_else(|| format!("reading id `{s}` is not `boot-seq`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_id_reads_and_prints_the_same() {
        assert_eq!("3-1042".parse::<ReadingId>().unwrap(), ReadingId { boot: 3, seq: 1042 });
        assert_eq!(ReadingId { boot: 3, seq: 1042 }.to_string(), "3-1042");
        assert!("31042".parse::<ReadingId>().is_err());
    }
}
