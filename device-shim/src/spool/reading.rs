//! A reading and its compact form.
//!
//! Encoded: version and kind (1 byte), capture time (u64), then with LEB128 lengths the subfolder, the delegated
//! device (length + 1, 0 for none), the count of properties and each key and value; the payload is the rest.
//! Integers are little-endian. A reading without subfolder, device and properties costs 12 bytes beside its payload.

use bytes::{Buf, Bytes};

use super::error::ReadingError;

/// The most payload bytes of one reading: 256 KiB, the limit of Cloud IoT Core's telemetry events.
pub const MAX_PAYLOAD_BYTES: usize = 256 << 10;

/// The most bytes of subfolder, device id, property keys and values together, each counted with 4 bytes more.
pub const MAX_META_BYTES: usize = 8 << 10;

/// Events or state, as in `/devices/{id}/events[/subfolder]` and `/devices/{id}/state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A telemetry event; the subfolder is empty when there is none, and has no slash at its ends.
    Events {
        /// What follows `events/` in the topic.
        subfolder: String,
    },
    /// The device's state.
    State,
}

/// What a device has to say, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Events or state.
    pub kind: Kind,
    /// The device id behind this gateway on whose behalf it is sent; `None` for the shim's own device.
    pub device: Option<String>,
    /// When it was taken, by this machine's clock, in milliseconds since 1970.
    pub captured_at_ms: u64,
    /// The payload as it came, at most [`MAX_PAYLOAD_BYTES`].
    pub payload: Bytes,
    /// User properties, in order; keys may repeat. Together with the names at most [`MAX_META_BYTES`].
    pub properties: Vec<(String, String)>,
}

const VERSION: u8 = 1 << 4;
const EVENTS: u8 = VERSION;
const STATE: u8 = VERSION | 1;

impl Reading {
    /// Bytes that waiting for a commit costs in memory: payload and names.
    #[must_use]
    pub fn cost(&self) -> usize {
        64 + self.payload.len() + self.meta_len()
    }

    /// Whether it may be taken.
    ///
    /// # Errors
    /// [`ReadingError::Payload`] and [`ReadingError::Meta`], with the size and the limit.
    pub fn check(&self) -> Result<(), ReadingError> {
        let (len, limit) = (self.payload.len(), MAX_PAYLOAD_BYTES);
        if len > limit {
            return Err(ReadingError::Payload { len, limit });
        }
        let (len, limit) = (self.meta_len(), MAX_META_BYTES);
        if len > limit { Err(ReadingError::Meta { len, limit }) } else { Ok(()) }
    }

    fn meta_len(&self) -> usize {
        let subfolder = match &self.kind {
            Kind::Events { subfolder } => subfolder.len() + 4,
            Kind::State => 0,
        };
        let device = self.device.as_ref().map_or(0, |device| device.len() + 4);
        let properties: usize = self.properties.iter().map(|(key, value)| key.len() + value.len() + 8).sum();
        subfolder + device + properties
    }

    /// Appends the encoded reading to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let (tag, subfolder) = match &self.kind {
            Kind::Events { subfolder } => (EVENTS, subfolder.as_str()),
            Kind::State => (STATE, ""),
        };
        out.push(tag);
        out.extend_from_slice(&self.captured_at_ms.to_le_bytes());
        put_text(out, subfolder);
        match &self.device {
            None => put_len(out, 0),
            Some(device) => {
                put_len(out, device.len() + 1);
                out.extend_from_slice(device.as_bytes());
            }
        }
        put_len(out, self.properties.len());
        for (key, value) in &self.properties {
            put_text(out, key);
            put_text(out, value);
        }
        out.extend_from_slice(&self.payload);
    }

    /// Reads back what [`encode`](Self::encode) wrote; the payload shares `from`'s memory.
    pub(crate) fn decode(mut from: Bytes) -> Result<Self, ReadingError> {
        let tag = from.try_get_u8().map_err(malformed)?;
        let captured_at_ms = from.try_get_u64_le().map_err(malformed)?;
        let subfolder = take_text(&mut from)?;
        let kind = match tag {
            EVENTS => Kind::Events { subfolder },
            STATE => Kind::State,
            _ => return Err(ReadingError::Malformed),
        };
        let device = match take_len(&mut from)? {
            0 => None,
            len => Some(take(&mut from, len - 1)?),
        };
        let count = take_len(&mut from)?;
        let mut properties = Vec::new();
        for _ in 0..count {
            properties.push((take_text(&mut from)?, take_text(&mut from)?));
        }
        Ok(Self { kind, device, captured_at_ms, payload: from, properties })
    }
}

fn malformed<E>(_: E) -> ReadingError {
    ReadingError::Malformed
}

/// LEB128: seven bits a byte, low ones first.
pub(crate) fn put_len(out: &mut Vec<u8>, mut len: usize) {
    while len >= 0x80 {
        out.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    out.push((len & 0x7f) as u8);
}

/// Reads back what [`put_len`] wrote; at most four bytes, 256 MiB.
pub(crate) fn take_len(from: &mut Bytes) -> Result<usize, ReadingError> {
    let mut len = 0;
    for shift in [0, 7, 14, 21] {
        let byte = from.try_get_u8().map_err(malformed)?;
        len |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(len);
        }
    }
    Err(ReadingError::Malformed)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn take_text(from: &mut Bytes) -> Result<String, ReadingError> {
    let len = take_len(from)?;
    take(from, len)
}

fn take(from: &mut Bytes, len: usize) -> Result<String, ReadingError> {
    if len > from.len() {
        return Err(ReadingError::Malformed);
    }
    String::from_utf8(from.split_to(len).to_vec()).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn any_reading() -> impl Strategy<Value = Reading> {
        let kind = prop_oneof![Just(Kind::State), "[a-z/]{0,20}".prop_map(|subfolder| Kind::Events { subfolder })];
        let properties = proptest::collection::vec((".{0,9}", ".{0,200}"), 0..4);
        let payload = proptest::collection::vec(any::<u8>(), 0..600);
        (kind, proptest::option::of("[a-z]{0,9}"), any::<u64>(), payload, properties).prop_map(
            |(kind, device, captured_at_ms, payload, properties)| Reading {
                kind,
                device,
                captured_at_ms,
                payload: payload.into(),
                properties,
            },
        )
    }

    proptest! {
        #[test]
        fn a_reading_comes_back_as_it_went_in(reading in any_reading()) {
            let mut encoded = Vec::new();
            reading.encode(&mut encoded);
            prop_assert_eq!(Reading::decode(encoded.into()), Ok(reading));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Reading::decode(bytes.into());
        }
    }

    #[test]
    fn a_refusal_names_the_size_and_the_limit() {
        let payload = Bytes::from(vec![0; MAX_PAYLOAD_BYTES + 1]);
        let reading = Reading { kind: Kind::State, device: None, captured_at_ms: 0, payload, properties: vec![] };
        let refusal = reading.check().map_err(|error| error.to_string());
        assert_eq!(refusal, Err("a payload of 262145 bytes exceeds the limit of 262144 bytes".into()));
    }
}
