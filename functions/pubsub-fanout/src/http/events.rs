//! `publishEvent`, and `publishEvents`: many at once, each with an answer of its own, so that a device sends again only
//! what was not taken.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use edge::{ApiError, JsonBody, decode_base64};
use protocol::{ReadingId, attribute};
use serde_json::{Value, json};

use super::admit::Admitted;
use super::body::{BatchEvent, PublishEvent, PublishEvents};
use crate::{Event, FanOut, Speaker, attributes};

/// Most events of one batch.
pub const MAX_BATCH_EVENTS: usize = 1_000;
/// Most payload bytes of one batch: 10 MB, what Pub/Sub takes in one call.
pub const MAX_BATCH_BYTES: usize = 10_000_000;
/// Largest body of a batch: its payload in base64 (4/3), and 2 KiB of JSON and attributes per event.
const BATCH_BODY_LIMIT: usize = MAX_BATCH_BYTES / 3 * 4 + MAX_BATCH_EVENTS * 2048;

pub(super) async fn publish_event(
    State(deps): State<FanOut>,
    admitted: Admitted,
    JsonBody(sent): JsonBody<PublishEvent>,
) -> Result<Json<Value>, ApiError> {
    let speaker = admitted.speaker(&deps, sent.gateway_info).await?;
    let data = decode_base64("binary_data", &sent.binary_data)?.into();
    let event = Event { subfolder: sent.sub_folder, data, properties: Vec::new() };
    let answer = deps.events(&speaker, vec![event]).await.pop().unwrap_or(Ok(()));
    match answer {
        Ok(()) => Ok(Json(json!({}))),
        Err(e) => {
            let error = ApiError::from(e);
            deps.note(&speaker, "PUBLISH", &error).await;
            Err(error)
        }
    }
}

pub(super) async fn publish_events(
    State(deps): State<FanOut>,
    admitted: Admitted,
    JsonBody(sent): JsonBody<PublishEvents, BATCH_BODY_LIMIT>,
) -> Result<Json<Value>, ApiError> {
    let speaker = admitted.speaker(&deps, sent.gateway_info).await?;
    let count = sent.events.len();
    if count > MAX_BATCH_EVENTS {
        return Err(ApiError::invalid("events", format!("{count} events exceed the limit of {MAX_BATCH_EVENTS} a call")));
    }
    let read: Vec<_> = sent.events.into_iter().enumerate().map(|(place, event)| read(place, event)).collect();
    let bytes: usize = read.iter().flatten().map(|e| e.data.len()).sum();
    if bytes > MAX_BATCH_BYTES {
        return Err(ApiError::invalid("events", format!("{bytes} bytes of payload exceed the limit of {MAX_BATCH_BYTES} a call")));
    }
    let answers = publish(&deps, &speaker, read).await;
    if let Some(error) = answers.iter().find_map(|a| a.as_ref().err()) {
        deps.note(&speaker, "PUBLISH", error).await;
    }
    let results: Vec<Value> = answers.into_iter().map(|a| a.map_or_else(|e| json!({"error": e.to_json()}), |()| json!({}))).collect();
    Ok(Json(json!({"results": results})))
}

/// Publishes what could be read; one answer per event, in order.
async fn publish(deps: &FanOut, speaker: &Speaker, read: Vec<Result<Event, ApiError>>) -> Vec<Result<(), ApiError>> {
    let mut events = Vec::with_capacity(read.len());
    let places: Vec<_> = read.into_iter().map(|r| r.map(|event| events.push(event))).collect();
    let mut published = deps.events(speaker, events).await.into_iter();
    places.into_iter().map(|read| read.and_then(|()| published.next().unwrap_or(Ok(())).map_err(ApiError::from))).collect()
}

fn read(place: usize, sent: BatchEvent) -> Result<Event, ApiError> {
    let at = |field: &str| format!("events[{place}].{field}");
    let data = decode_base64(&at("binary_data"), &sent.binary_data)?.into();
    let attributes = sent.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    attributes::check(attributes).map_err(|text| ApiError::invalid(at("attributes"), text))?;
    let mut properties: Vec<(Cow<'static, str>, String)> = Vec::with_capacity(sent.attributes.len() + 2);
    if let Some(id) = sent.reading_id {
        let id: ReadingId = id.parse().map_err(|text: String| ApiError::invalid(at("reading_id"), text))?;
        properties.push((Cow::Borrowed(attribute::READING_ID), id.to_string()));
    }
    if let Some(ms) = sent.captured_at_ms {
        properties.push((Cow::Borrowed(attribute::CAPTURED_AT_MS), ms.to_string()));
    }
    for (name, value) in sent.attributes {
        // What stands in a field of its own has been taken from there.
        if properties.iter().all(|(taken, _)| *taken != name) {
            properties.push((Cow::Owned(name), value));
        }
    }
    Ok(Event { subfolder: sent.sub_folder, data, properties })
}
