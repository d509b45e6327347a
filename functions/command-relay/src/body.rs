//! What is sent to us. Names in camelCase or snake_case; unknown ones are ignored.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::broadcast::DEFAULT_PER_SECOND;
use edge::ApiError;
use serde::Deserialize;

/// The body of `sendCommandToDevice`; `ttl` is ours.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SendCommand {
    #[serde(alias = "binary_data")]
    pub(crate) binary_data: String,
    pub(crate) subfolder: String,
    pub(crate) ttl: Option<String>,
}

/// The body of `modifyCloudToDeviceConfig`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ModifyConfig {
    #[serde(alias = "version_to_update", deserialize_with = "edge::int64")]
    pub(crate) version_to_update: i64,
    #[serde(alias = "binary_data")]
    pub(crate) binary_data: String,
}

/// The body of `broadcastCommand`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BroadcastCommand {
    #[serde(alias = "binary_data")]
    pub(crate) binary_data: String,
    pub(crate) subfolder: String,
    pub(crate) ttl: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(alias = "per_second")]
    pub(crate) per_second: Option<u32>,
}

impl BroadcastCommand {
    pub(crate) fn per_second(&self) -> u32 {
        self.per_second.unwrap_or(DEFAULT_PER_SECOND)
    }
}

/// A `google.protobuf.Duration` in JSON: seconds with at most nine decimals, then `s`. Empty is absent.
pub(crate) fn duration(field: &str, text: Option<&str>) -> Result<Option<Duration>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    read_duration(text).map(Some).ok_or_else(|| {
        let shown: String = text.chars().take(64).flat_map(char::escape_debug).collect();
        ApiError::invalid(field, format!("{field} `{shown}` is no duration: write seconds and `s`, as in `3600s`"))
    })
}

fn read_duration(text: &str) -> Option<Duration> {
    let (whole, decimals) = text.strip_suffix('s').map(|number| number.split_once('.').unwrap_or((number, "0")))?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 9 {
        return None;
    }
    Some(Duration::new(whole.parse().ok()?, format!("{decimals:0<9}").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_proto3_json() {
        let read = |text| duration("ttl", Some(text));
        assert_eq!(read("3600s").unwrap(), Some(Duration::from_secs(3600)));
        assert_eq!(read("1.5s").unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(duration("ttl", None).unwrap(), None);
        for wrong in ["3600", "1h", "-1s", "s", "1.s", ".5s", "1.0000000000s", "99999999999999999999s", "+1s"] {
            assert!(read(wrong).unwrap_err().message().contains(wrong), "{wrong}");
        }
    }
}
