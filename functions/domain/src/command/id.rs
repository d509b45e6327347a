//! Ids whose order as text is the order of time.

use std::fmt;
use std::str::FromStr;

use protocol::NameError;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// `{microseconds since the epoch, 16 hex digits}-{random, 8 hex digits}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOrderedId(String);

impl TimeOrderedId {
    /// An id of now, and after `last` even if the clock went back.
    pub fn new(now: Timestamp, random: u64, last: Option<&Self>) -> Self {
        let micros = u64::try_from(now.0).unwrap_or(0);
        let after = last.and_then(|last| u64::from_str_radix(&last.0[..16], 16).ok()).map_or(0, |last| last.saturating_add(1));
        Self(format!("{:016x}-{:08x}", micros.max(after), random & 0xFFFF_FFFF))
    }
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TimeOrderedId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if text.split_once('-').is_some_and(|(micros, random)| hex(micros, 16) && hex(random, 8)) {
            return Ok(Self(text.to_owned()));
        }
        let value = text.chars().take(64).flat_map(char::escape_debug).collect();
        Err(NameError::Shape { what: "command or broadcast id", value, shape: "16 hex digits, `-`, 8 hex digits" })
    }
}

impl TryFrom<String> for TimeOrderedId {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<TimeOrderedId> for String {
    fn from(id: TimeOrderedId) -> String {
        id.0
    }
}

impl fmt::Display for TimeOrderedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_each_other_though_the_clock_goes_back() {
        let first = TimeOrderedId::new(Timestamp::from_secs(1_795_176_000), u64::MAX, None);
        let second = TimeOrderedId::new(Timestamp::from_secs(0), 0, Some(&first));
        assert!(second > first, "{second} after {first}");
        assert_eq!(first.as_str().parse(), Ok(first.clone()));
        for wrong in ["", "x", "0123456789abcdef-0123456", "0123456789ABCDEF-01234567", "0123456789abcdef/01234567"] {
            assert!(wrong.parse::<TimeOrderedId>().is_err(), "{wrong}");
        }
    }
}
