//! Files of devices: what they are called ([`ObjectName`]), who may touch them ([`ObjectRule`]), and what a store says of
//! them ([`ObjectInfo`]).

mod name;
mod rule;

pub use name::{MAX_OBJECT_NAME_BYTES, MAX_SEGMENT_BYTES, NotAnObject, ObjectName};
pub use rule::{Access, Folder, MAX_OBJECT_RULES, ObjectRule};

use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::{PortError, Timestamp};

/// What a store knows of an object, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Size in bytes.
    pub size: u64,
    /// Grows with every write of the object; the bytes of one generation never change.
    pub generation: u64,
    /// Names the bytes, without quotes; of ASCII letters, digits and `-+/=`. Equal only for the same bytes.
    pub etag: String,
    /// CRC32C (Castagnoli, RFC 3720 appendix B.4) of all bytes; `None` when the store does not know it.
    pub crc32c: Option<u32>,
    /// When it was written.
    pub updated: Timestamp,
}

/// Bytes on their way out. An `Err` ends it: what came before is right, the rest is missing.
pub type Download = BoxStream<'static, Result<Bytes, PortError>>;

/// Bytes on their way in. An `Err` ends it, and nothing of it is kept.
pub type Upload = BoxStream<'static, Result<Bytes, Interruption>>;

/// Why an upload ended before it was whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Interruption {
    /// The sender went away.
    #[error("the upload was cut off: {0}")]
    Cut(String),
    /// More came than is taken.
    #[error("the upload exceeds the limit of {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
}

/// How an upload ended. All of these are answers about the upload, not errors of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uploaded {
    /// It is durable and can be read.
    Stored(ObjectInfo),
    /// It ended early. Nothing of it is kept, and what was there before still is.
    Interrupted(Interruption),
    /// The bytes are not those that were announced. Nothing of them is kept.
    Mismatch {
        /// CRC32C of what arrived.
        arrived: u32,
    },
}
