//! Bytes on the bus. Each kind begins with its version; a version we do not know is answered, never guessed.
//!
//! ```text
//! command  1, until (u64 µs), id length (u8), id, subfolder length (u16), subfolder, payload
//! answer   1, code (u8)
//! taken    1, connected at (i64 µs), node (u64), number (u64)
//! ```
//! Numbers are big-endian.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use domain::Timestamp;
use domain::ports::{Command, Delivery};
use protocol::limits::{MAX_COMMAND_BYTES, MAX_SUBFOLDER_BYTES};

const VERSION: u8 = 1;

/// What cannot be put on the bus, or was not understood from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    #[error("a command's {what} of {len} bytes exceeds the limit of {limit} bytes")]
    TooLarge { what: &'static str, len: usize, limit: usize },
    #[error("a message of version {0} came; this node speaks version {VERSION}")]
    Version(u8),
    #[error("a message was cut short or is none of ours")]
    Malformed,
}

/// A command and the time after which nobody wants it any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) until: Timestamp,
    pub(crate) command: Command,
}

impl Request {
    pub(crate) fn encode(&self) -> Result<Bytes, WireError> {
        let Command { id, subfolder, data } = &self.command;
        let id = id.as_deref().unwrap_or_default();
        for (what, len, limit) in [
            ("id", id.len(), usize::from(u8::MAX)),
            ("subfolder", subfolder.len(), MAX_SUBFOLDER_BYTES),
            ("payload", data.len(), MAX_COMMAND_BYTES),
        ] {
            if len > limit {
                return Err(WireError::TooLarge { what, len, limit });
            }
        }
        let mut out = BytesMut::with_capacity(12 + id.len() + subfolder.len() + data.len());
        out.put_u8(VERSION);
        out.put_u64(u64::try_from(self.until.0).unwrap_or(0));
        // Both lengths were checked above.
        out.put_u8(id.len() as u8);
        out.put_slice(id.as_bytes());
        out.put_u16(subfolder.len() as u16);
        out.put_slice(subfolder.as_bytes());
        out.put_slice(data);
        Ok(out.freeze())
    }

    pub(crate) fn decode(mut from: Bytes) -> Result<Self, WireError> {
        version(&mut from)?;
        let until = from.try_get_u64().map_err(|_| WireError::Malformed)?;
        let until = Timestamp(i64::try_from(until).map_err(|_| WireError::Malformed)?);
        let id_len = from.try_get_u8().map_err(|_| WireError::Malformed)?;
        let id = text(&mut from, id_len.into())?;
        let subfolder_len = from.try_get_u16().map_err(|_| WireError::Malformed)?;
        let subfolder = text(&mut from, subfolder_len.into())?;
        if subfolder.len() > MAX_SUBFOLDER_BYTES || from.len() > MAX_COMMAND_BYTES {
            return Err(WireError::Malformed);
        }
        let id = Some(id).filter(|id| !id.is_empty());
        Ok(Self { until, command: Command { id, subfolder, data: from } })
    }
}

/// What a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Became(Delivery),
    /// It came after its time, or the clocks differ.
    Late,
    /// The node does not understand the request.
    Unreadable,
    /// The node failed.
    Failed,
}

/// The codes on the bus. A new answer gets a new code; a code is never used for something else.
const ANSWERS: [(u8, Answer); 11] = [
    (1, Answer::Became(Delivery::Acknowledged)),
    (2, Answer::Became(Delivery::Delivered)),
    (3, Answer::Became(Delivery::NotConnected)),
    (4, Answer::Became(Delivery::NotSubscribed)),
    (5, Answer::Became(Delivery::Busy)),
    (6, Answer::Became(Delivery::TimedOut)),
    (7, Answer::Became(Delivery::Refused)),
    (8, Answer::Late),
    (9, Answer::Unreadable),
    (10, Answer::Failed),
    (11, Answer::Became(Delivery::Lost)),
];

impl Answer {
    pub(crate) fn encode(self) -> Bytes {
        let code = ANSWERS.iter().find(|(_, answer)| *answer == self).map_or(0, |(code, _)| *code);
        Bytes::copy_from_slice(&[VERSION, code])
    }

    pub(crate) fn decode(mut from: Bytes) -> Result<Self, WireError> {
        version(&mut from)?;
        let code = from.try_get_u8().map_err(|_| WireError::Malformed)?;
        ANSWERS.iter().find(|(known, _)| *known == code).map(|(_, answer)| *answer).ok_or(WireError::Malformed)
    }
}

/// When and where a session began. The greater one is the newer: by the nodes' clocks first, so those must agree; then by
/// what tells sessions apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    pub(crate) at: Timestamp,
    pub(crate) node: u64,
    pub(crate) number: u64,
}

impl Stamp {
    pub(crate) fn encode(self) -> Bytes {
        let mut out = BytesMut::with_capacity(25);
        out.put_u8(VERSION);
        out.put_i64(self.at.0);
        out.put_u64(self.node);
        out.put_u64(self.number);
        out.freeze()
    }

    pub(crate) fn decode(mut from: Bytes) -> Result<Self, WireError> {
        version(&mut from)?;
        if from.len() != 24 {
            return Err(WireError::Malformed);
        }
        Ok(Self { at: Timestamp(from.get_i64()), node: from.get_u64(), number: from.get_u64() })
    }
}

fn version(from: &mut Bytes) -> Result<(), WireError> {
    match from.try_get_u8() {
        Ok(VERSION) => Ok(()),
        Ok(other) => Err(WireError::Version(other)),
        Err(_) => Err(WireError::Malformed),
    }
}

fn text(from: &mut Bytes, len: usize) -> Result<String, WireError> {
    if from.len() < len {
        return Err(WireError::Malformed);
    }
    String::from_utf8(from.split_to(len).to_vec()).map_err(|_| WireError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: Option<&str>, subfolder: &str, data: usize) -> Request {
        let command = Command { id: id.map(Into::into), subfolder: subfolder.into(), data: vec![7; data].into() };
        Request { until: Timestamp(1_763_000_000_000_000), command }
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let longest = "s".repeat(MAX_SUBFOLDER_BYTES);
        for request in [request(None, "", 0), request(Some("c-1"), "deep/down", 3), request(None, &longest, MAX_COMMAND_BYTES)] {
            assert_eq!(Request::decode(request.encode().unwrap()).unwrap(), request);
        }
        for (_, answer) in ANSWERS {
            assert_eq!(Answer::decode(answer.encode()).unwrap(), answer);
        }
        let stamp = Stamp { at: Timestamp(-5), node: u64::MAX, number: 3 };
        assert_eq!(Stamp::decode(stamp.encode()).unwrap(), stamp);
    }

    #[test]
    fn what_is_too_large_is_not_sent() {
        let refused = |request: Request| request.encode().unwrap_err().to_string();
        assert_eq!(
            refused(request(None, "", MAX_COMMAND_BYTES + 1)),
            "a command's payload of 65537 bytes exceeds the limit of 65536 bytes"
        );
        assert!(refused(request(None, &"s".repeat(257), 0)).contains("subfolder of 257 bytes"));
        assert!(refused(request(Some(&"i".repeat(256)), "", 0)).contains("id of 256 bytes"));
    }

    #[test]
    fn no_bytes_confuse_a_decoder() {
        let whole = request(Some("c-1"), "sub", 2).encode().unwrap();
        for cut in 0..whole.len() - 2 {
            assert_eq!(Request::decode(whole.slice(..cut)), Err(WireError::Malformed), "cut at {cut}");
        }
        assert_eq!(Request::decode(Bytes::from_static(&[2, 0, 0])), Err(WireError::Version(2)));
        assert_eq!(Answer::decode(Bytes::from_static(&[1, 99])), Err(WireError::Malformed));
        assert_eq!(Stamp::decode(Bytes::from_static(&[1; 20])), Err(WireError::Malformed));
        let mut not_text = whole.to_vec();
        not_text[10] = 0xFF;
        assert_eq!(Request::decode(not_text.into()), Err(WireError::Malformed));
    }

    #[test]
    fn the_newest_session_is_the_greatest() {
        let stamp = |at, node, number| Stamp { at: Timestamp(at), node, number };
        let ordered = [stamp(1, 9, 9), stamp(2, 1, 9), stamp(2, 2, 1), stamp(2, 2, 2)];
        assert!(ordered.is_sorted(), "{ordered:?}");
    }
}
