//! `google.protobuf.Timestamp` with the JSON that Google writes: RFC 3339 ending in `Z`, any offset in.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time: seconds and nanoseconds since the epoch, UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Timestamp {
    /// Seconds since the epoch.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// The rest, 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl From<domain::Timestamp> for Timestamp {
    fn from(t: domain::Timestamp) -> Self {
        Self { seconds: t.secs(), nanos: t.subsec_nanos() }
    }
}

impl From<Timestamp> for domain::Timestamp {
    fn from(t: Timestamp) -> Self {
        Self(t.seconds.saturating_mul(1_000_000).saturating_add(i64::from(t.nanos) / 1_000))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let text = edge::rfc3339(self.seconds, self.nanos).ok_or_else(|| S::Error::custom("a year outside 0 to 9999"))?;
        s.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time as in `2026-11-20T12:00:00Z`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
                let t = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))?;
                let nanos = i32::try_from(t.nanosecond()).map_err(E::custom)?;
                Ok(Timestamp { seconds: t.unix_timestamp(), nanos })
            }
        }
        d.deserialize_str(Text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_z_and_reads_any_offset() {
        for (nanos, fraction) in [(0, ""), (500_000_000, ".500"), (281_930_000, ".281930"), (1, ".000000001")] {
            let text = serde_json::to_value(Timestamp { seconds: 0, nanos }).unwrap();
            assert_eq!(text, format!("1970-01-01T00:00:00{fraction}Z"));
        }
        let read = |text: &str| serde_json::from_value::<Timestamp>(text.into());
        assert_eq!(read("2024-02-29T14:34:56.5+02:00").unwrap(), Timestamp { seconds: 1_709_210_096, nanos: 500_000_000 });
        assert!(read("yesterday").unwrap_err().to_string().contains("\"yesterday\""));
    }
}
