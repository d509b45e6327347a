//! `POST …/topics/{t}:publish`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use domain::{Attributes, Message};
use serde::Deserialize;
use serde_json::{Value, json};

use super::topics::failed;
use super::{TopicPath, admit};
use crate::google_apis::GoogleApis;
use crate::security_token_service::error::Google;

/// Google's limits (cloud.google.com/pubsub/quotas, "Resource limits"): messages of a request, bytes of one, attributes of a
/// message, bytes of an attribute's name and value.
const MAX_MESSAGES: usize = 1000;
const MAX_BYTES: usize = 10_000_000;
const MAX_ATTRIBUTES: usize = 100;
const MAX_NAME_BYTES: usize = 256;
const MAX_VALUE_BYTES: usize = 1024;

/// Base64 makes four bytes of three; names and braces take the rest.
const BODY_LIMIT: usize = MAX_BYTES / 3 * 4 + 1_000_000;

/// proto3 JSON takes either alphabet, padded or not.
const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    messages: Vec<SentMessage>,
}

#[derive(Deserialize)]
struct SentMessage {
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, alias = "ordering_key", rename = "orderingKey")]
    ordering_key: String,
}

pub(super) async fn publish(
    State(apis): State<GoogleApis>,
    Path(path): Path<TopicPath>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Google> {
    let topic = admit(&apis, &headers, &path, "pubsub.topics.publish")?;
    let too_large = |_| Google::invalid(format!("The request exceeds the limit of {MAX_BYTES} bytes of messages."));
    let body = to_bytes(body, BODY_LIMIT).await.map_err(too_large)?;
    let sent: Sent = serde_json::from_slice(&body).map_err(|e| Google::invalid(format!("Invalid JSON payload received. {e}")))?;
    let messages = read(&apis, sent.messages)?;
    let ids = apis.publisher.publish(&topic, messages).await;
    let ids = ids.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
    Ok(Json(json!({ "messageIds": ids })))
}

fn read(apis: &GoogleApis, sent: Vec<SentMessage>) -> Result<Vec<Message>, Google> {
    if !(1..=MAX_MESSAGES).contains(&sent.len()) {
        return Err(Google::invalid(format!("{} messages are not between 1 and {MAX_MESSAGES}.", sent.len())));
    }
    let messages = sent.into_iter().enumerate().map(|(n, message)| read_one(apis, n, message)).collect::<Result<Vec<_>, _>>()?;
    let bytes: usize = messages.iter().map(|m| m.data.len()).sum();
    if bytes > MAX_BYTES {
        return Err(Google::invalid(format!("{bytes} bytes of messages exceed the limit of {MAX_BYTES}.")));
    }
    Ok(messages)
}

fn read_one(apis: &GoogleApis, n: usize, sent: SentMessage) -> Result<Message, Google> {
    let refused = |why: String| Err(Google::invalid(format!("messages[{n}]: {why}.")));
    if sent.data.is_empty() && sent.attributes.is_empty() {
        return refused("one or both of data and attributes must be given".into());
    }
    if sent.attributes.len() > MAX_ATTRIBUTES {
        return refused(format!("{} attributes exceed the limit of {MAX_ATTRIBUTES}", sent.attributes.len()));
    }
    let is_odd =
        |(k, v): &(&String, &String)| k.is_empty() || k.starts_with("goog") || k.len() > MAX_NAME_BYTES || v.len() > MAX_VALUE_BYTES;
    if let Some((name, value)) = sent.attributes.iter().find(is_odd) {
        let rule = format!("names have 1 to {MAX_NAME_BYTES} bytes and do not begin with goog, values have at most {MAX_VALUE_BYTES}");
        return refused(format!("attribute `{}` with a value of {} bytes: {rule}", name.escape_debug(), value.len()));
    }
    // The log on disk keeps the order of every message; other publishers are not told a key.
    if !sent.ordering_key.is_empty() && apis.topics.is_none() {
        return refused("an orderingKey cannot be passed on from here".into());
    }
    let engine = if sent.data.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    match engine.decode(&sent.data) {
        Ok(data) => {
            let own = sent.attributes.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect();
            Ok(Message { data: data.into(), attributes: Attributes { own, ..Attributes::default() } })
        }
        Err(_) => refused("data is not base64".into()),
    }
}
