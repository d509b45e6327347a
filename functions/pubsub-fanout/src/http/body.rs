//! What devices send. Names in camelCase or snake_case; unknown ones are ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::gateway::GatewayInfo;

/// The body of `publishEvent`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PublishEvent {
    #[serde(alias = "binary_data")]
    pub(super) binary_data: String,
    #[serde(alias = "sub_folder", alias = "subfolder")]
    pub(super) sub_folder: String,
    #[serde(alias = "gateway_info")]
    pub(super) gateway_info: Option<GatewayInfo>,
}

/// The body of `publishEvents`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PublishEvents {
    pub(super) events: Vec<BatchEvent>,
    #[serde(alias = "gateway_info")]
    pub(super) gateway_info: Option<GatewayInfo>,
}

/// One event of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BatchEvent {
    #[serde(alias = "binary_data")]
    pub(super) binary_data: String,
    #[serde(alias = "sub_folder", alias = "subfolder")]
    pub(super) sub_folder: String,
    /// Become attributes of the message.
    pub(super) attributes: BTreeMap<String, String>,
    /// `{boot}-{seq}`, see [`protocol::ReadingId`].
    #[serde(alias = "reading_id")]
    pub(super) reading_id: Option<String>,
    /// Milliseconds since the epoch, as a number or a string.
    #[serde(alias = "captured_at_ms", deserialize_with = "captured_at")]
    pub(super) captured_at_ms: Option<i64>,
}

/// The body of `setState`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SetState {
    pub(super) state: State,
    #[serde(alias = "gateway_info")]
    pub(super) gateway_info: Option<GatewayInfo>,
}

/// A state report.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct State {
    #[serde(alias = "binary_data")]
    pub(super) binary_data: String,
}

fn captured_at<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i64>, D::Error> {
    edge::int64(d).map(Some)
}
