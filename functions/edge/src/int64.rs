//! Numbers of 64 bits in JSON.

use serde::{Deserialize, Deserializer};

/// Reads an int64 as proto3 JSON has it: a number, or a number as text.
///
/// # Errors
/// Those of `d`, and for a text that is no such number.
pub fn int64<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(i64),
        Text(String),
    }
    match Given::deserialize(d)? {
        Given::Number(n) => Ok(n),
        Given::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
