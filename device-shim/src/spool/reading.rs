//! A reading and its compact form.
//!
//! Encoded: version, kind and which of the optional parts are there (1 byte), capture time, then each part that is
//! there: subfolder, delegated device, count of properties with each key and value; the payload is the rest. Numbers and
//! lengths are LEB128. A reading without optional parts costs 7 bytes beside its payload.

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

/// In the upper half of the first byte; the lower half holds the four bits below.
const VERSION: u8 = 1 << 4;
const STATE: u8 = 1;
const WITH_SUBFOLDER: u8 = 2;
const WITH_DEVICE: u8 = 4;
const WITH_PROPERTIES: u8 = 8;

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
        let (state, subfolder) = match &self.kind {
            Kind::Events { subfolder } => (false, subfolder.as_str()),
            Kind::State => (true, ""),
        };
        let flag = |there: bool, bit: u8| if there { bit } else { 0 };
        let optional = flag(!subfolder.is_empty(), WITH_SUBFOLDER)
            | flag(self.device.is_some(), WITH_DEVICE)
            | flag(!self.properties.is_empty(), WITH_PROPERTIES);
        out.push(VERSION | flag(state, STATE) | optional);
        put_number(out, self.captured_at_ms);
        if !subfolder.is_empty() {
            put_text(out, subfolder);
        }
        if let Some(device) = &self.device {
            put_text(out, device);
        }
        if !self.properties.is_empty() {
            put_len(out, self.properties.len());
            for (key, value) in &self.properties {
                put_text(out, key);
                put_text(out, value);
            }
        }
        out.extend_from_slice(&self.payload);
    }

    /// Reads back what [`encode`](Self::encode) wrote; the payload shares `from`'s memory.
    pub(crate) fn decode(mut from: Bytes) -> Result<Self, ReadingError> {
        let tag = from.try_get_u8().map_err(malformed)?;
        if tag & 0xf0 != VERSION {
            return Err(ReadingError::Malformed);
        }
        let captured_at_ms = take_number(&mut from)?;
        let subfolder = if tag & WITH_SUBFOLDER != 0 { take_text(&mut from)? } else { String::new() };
        let device = if tag & WITH_DEVICE != 0 { Some(take_text(&mut from)?) } else { None };
        let count = if tag & WITH_PROPERTIES != 0 { take_len(&mut from)? } else { 0 };
        let mut properties = Vec::new();
        for _ in 0..count {
            properties.push((take_text(&mut from)?, take_text(&mut from)?));
        }
        let kind = if tag & STATE != 0 { Kind::State } else { Kind::Events { subfolder } };
        Ok(Self { kind, device, captured_at_ms, payload: from, properties })
    }
}

fn malformed<E>(_: E) -> ReadingError {
    ReadingError::Malformed
}

/// LEB128: seven bits a byte, low ones first.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads back what [`put_number`] wrote.
fn take_number(from: &mut Bytes) -> Result<u64, ReadingError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = from.try_get_u8().map_err(malformed)?;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits).ok_or(ReadingError::Malformed)?;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ReadingError::Malformed)
}

pub(crate) fn put_len(out: &mut Vec<u8>, len: usize) {
    put_number(out, len as u64);
}

/// Reads back what [`put_len`] wrote; less than 256 MiB, which nothing here comes near.
pub(crate) fn take_len(from: &mut Bytes) -> Result<usize, ReadingError> {
    let len = take_number(from)?;
    usize::try_from(len).ok().filter(|len| *len < 256 << 20).ok_or(ReadingError::Malformed)
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

fn take_text(from: &mut Bytes) -> Result<String, ReadingError> {
    let len = take_len(from)?;
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
