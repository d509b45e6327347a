//! The numbers of the Cloud IoT Core surface, each with its unit and its reason.
//! Source: Google's quota page and the v1 discovery document (`docs/compatibility.md`, "Limits").

use std::time::Duration;

/// Largest telemetry event: 256 KiB of payload.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;
/// Largest device state: 64 KiB of payload.
pub const MAX_STATE_BYTES: usize = 64 * 1024;
/// Largest device configuration: 64 KiB of payload.
pub const MAX_CONFIG_BYTES: usize = 64 * 1024;
/// Largest command: 64 KiB of payload, as a configuration.
pub const MAX_COMMAND_BYTES: usize = 64 * 1024;
/// Configuration versions kept per device, newest first.
pub const KEPT_CONFIG_VERSIONS: usize = 10;
/// State reports kept per device, newest first.
pub const KEPT_STATES: usize = 10;
/// Credentials of one device. Three allow a rotation while an old and a spare key live.
pub const MAX_DEVICE_CREDENTIALS: usize = 3;
/// CA certificates of one registry.
pub const MAX_REGISTRY_CREDENTIALS: usize = 10;
/// Event notification configs (routes) of one registry.
pub const MAX_ROUTES: usize = 10;
/// Metadata pairs of one device.
pub const MAX_METADATA_PAIRS: usize = 500;
/// Longest metadata key, in bytes (the limit is "less than 128").
pub const MAX_METADATA_KEY_BYTES: usize = 127;
/// Longest metadata value: 32 KiB.
pub const MAX_METADATA_VALUE_BYTES: usize = 32 * 1024;
/// All keys and values of one device's metadata together: 256 KiB.
pub const MAX_METADATA_TOTAL_BYTES: usize = 256 * 1024;
/// Longest subfolder of an event or command, in bytes, slashes included.
pub const MAX_SUBFOLDER_BYTES: usize = 256;
/// Largest page of a list call; also the page when none is asked for.
pub const MAX_PAGE_SIZE: usize = 500;
/// Most device ids, and most device numbers, that one list call may name.
pub const MAX_LISTED_IDS: usize = 10_000;

/// Devices bound to one gateway.
pub const MAX_BOUND_DEVICES: usize = 10_000;
/// Devices attached to one gateway's connection at a time.
pub const MAX_ATTACHED_DEVICES: usize = 1_000;
/// Gateways that one device is bound to.
pub const MAX_GATEWAYS_OF_DEVICE: usize = 10;

/// Clock difference tolerated between device and cloud: 10 minutes, as Cloud IoT Core did.
/// Applied to `iat` and to `exp`; a connection lives until `exp` + this.
pub const CLOCK_SKEW: Duration = Duration::from_secs(10 * 60);
/// Longest life of a device JWT, `exp - iat`: 24 hours; [`CLOCK_SKEW`] is added before refusing.
pub const MAX_TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest device JWT accepted: 8 KiB. Checked before a byte of it is parsed (RFC 8725, section 3.11 asks for bounds).
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// A connection without any packet for this long is closed: 20 minutes, as Cloud IoT Core did.
pub const IDLE_LIMIT: Duration = Duration::from_secs(20 * 60);
/// Publishes of one connection that may await their acknowledgement: 100.
/// Cloud IoT Core allowed 100 messages a second; at 20 ms per Pub/Sub call this window allows 5,000.
pub const PUBLISH_WINDOW: usize = 100;
