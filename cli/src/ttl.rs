//! How long a command may wait: `90s`, `30m`, `1h`, `7d`.

use std::str::FromStr;

use serde_json::Value;

/// Seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ttl(u64);

impl FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no time: write a whole number and s, m, h or d, as in 90s or 1h");
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            _ => return Err(wrong()),
        };
        number.parse::<u32>().map(|n| Self(u64::from(n) * seconds)).map_err(|_| wrong())
    }
}

impl Ttl {
    /// As `google.protobuf.Duration` in JSON.
    pub(crate) fn to_json(self) -> Value {
        format!("{}s", self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_needed() {
        let read = |text: &str| text.parse::<Ttl>();
        assert_eq!((read("90s"), read("1h"), read("7d")), (Ok(Ttl(90)), Ok(Ttl(3600)), Ok(Ttl(604_800))));
        assert_eq!(read("30m").unwrap().to_json(), "1800s");
        for wrong in ["", "3600", "h", "-1s", "1w", "1.5h", "5 m", "1ü"] {
            assert!(read(wrong).unwrap_err().contains("is no time"), "{wrong}");
        }
    }
}
