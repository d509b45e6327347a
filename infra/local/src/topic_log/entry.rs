//! One line of a topic log.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{Message, Timestamp};
use serde::{Deserialize, Serialize};

/// A message as it stands in the log, in the spelling of Pub/Sub's REST API where it has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The topic's full name.
    pub topic: String,
    /// The message's place in its topic, from 0. Also its message id.
    pub offset: u64,
    /// RFC 3339, UTC.
    pub publish_time: String,
    /// The payload in standard base64.
    pub data: String,
    /// Attributes. When a name occurs twice, the first counts: ours come first.
    pub attributes: BTreeMap<String, String>,
}

impl Entry {
    pub(super) fn new(topic: &str, offset: u64, now: Timestamp, message: &Message) -> Self {
        let mut attributes = BTreeMap::new();
        for (name, value) in message.attributes.iter() {
            attributes.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        Self { topic: topic.to_owned(), offset, publish_time: now.to_string(), data: STANDARD.encode(&message.data), attributes }
    }

    /// The payload's bytes; empty when the line was edited into something that is not base64.
    pub fn payload(&self) -> Vec<u8> {
        STANDARD.decode(&self.data).unwrap_or_default()
    }
}
