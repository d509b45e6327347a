//! The claims of a device JWT: `aud` is the project, `iat` and `exp` are numeric dates. Nothing names the device.
//!
//! Official samples wrote numeric dates as integers, as floats and as decimal strings; all three are read.
//! Source: `docs/compatibility.md`, "Device JWT"; RFC 7519, section 4.1.

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// The claims we read and write. A claim that occurs twice is refused (RFC 7519, section 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceClaims {
    /// Project id the token is for: a single string.
    pub aud: String,
    /// Issued at, seconds since the epoch.
    #[serde(deserialize_with = "numeric_date")]
    pub iat: i64,
    /// Expires at, seconds since the epoch.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: i64,
}

/// A numeric date: a JSON integer, float or decimal string, in seconds; fractions are dropped.
fn numeric_date<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
    struct Seconds;
    impl Visitor<'_> for Seconds {
        type Value = i64;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("seconds since the epoch as a number or a decimal string")
        }
        fn visit_i64<E: de::Error>(self, v: i64) -> Result<i64, E> {
            Ok(v)
        }
        fn visit_u64<E: de::Error>(self, v: u64) -> Result<i64, E> {
            i64::try_from(v).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(v), &self))
        }
        fn visit_f64<E: de::Error>(self, v: f64) -> Result<i64, E> {
            // 2^53: above it a float no longer counts seconds.
            if v.is_finite() && v.abs() < 9_007_199_254_740_992.0 {
                Ok(v as i64)
            } else {
                Err(E::invalid_value(de::Unexpected::Float(v), &self))
            }
        }
        fn visit_str<E: de::Error>(self, v: &str) -> Result<i64, E> {
            v.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(v), &self))
        }
    }
    d.deserialize_any(Seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<DeviceClaims, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn dates_as_integers_floats_and_strings_are_the_same() {
        let expected = DeviceClaims { aud: "p".into(), iat: 1_690_000_000, exp: 1_690_021_600 };
        for json in [
            r#"{"aud":"p","iat":1690000000,"exp":1690021600}"#,
            r#"{"aud":"p","iat":1690000000.123,"exp":1690021600.0,"nbf":9}"#,
            r#"{"aud":"p","iat":"1690000000","exp":"1690021600"}"#,
        ] {
            assert_eq!(read(json).unwrap(), expected);
        }
    }

    #[test]
    fn missing_double_and_senseless_claims_are_refused() {
        for json in [
            r#"{"iat":1,"exp":2}"#,
            r#"{"aud":["p"],"iat":1,"exp":2}"#,
            r#"{"aud":"p","iat":1,"exp":2,"exp":3}"#,
            r#"{"aud":"p","iat":1e300,"exp":2}"#,
            r#"{"aud":"p","iat":"soon","exp":2}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
