//! The use case: events and states of one device to where its registry sends them.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use domain::ports::{Clock, Publisher, Stores};
use domain::registry::LogLevel;
use domain::status::{ErrorStatus, Seen, StatusBook};
use domain::{Attributes, Message, state};
use protocol::limits::{MAX_EVENT_BYTES, MAX_STATE_BYTES};
use protocol::{TopicName, attribute, topics};

use crate::{Event, EventError, Speaker, attributes};

/// `google.rpc.Code`.
const FAILED_PRECONDITION: i32 = 9;

/// Publishes on behalf of devices.
#[derive(Clone)]
pub struct FanOut {
    /// Where messages go.
    pub publisher: Arc<dyn Publisher>,
    /// Where states are kept.
    pub stores: Stores,
    /// Where last-seen times go.
    pub statuses: Arc<StatusBook>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The messages for one topic, each with the place of its event in the batch.
type Outgoing = Vec<(TopicName, Vec<usize>, Vec<Message>)>;

impl FanOut {
    /// Publishes a batch of one device's events in order: one call per topic and batch. One answer per event, in order.
    pub async fn events(&self, speaker: &Speaker, events: Vec<Event>) -> Vec<Result<(), EventError>> {
        let mut answers: Vec<Result<(), EventError>> = Vec::with_capacity(events.len());
        let mut outgoing = Outgoing::new();
        for (place, event) in events.into_iter().enumerate() {
            answers.push(route(speaker, place, event, &mut outgoing));
        }
        for (topic, places, messages) in outgoing {
            let results = self.publisher.publish(&topic, messages).await;
            for (place, result) in places.into_iter().zip(results) {
                if let Err(e) = result {
                    answers[place] = Err(e.into());
                }
            }
        }
        if speaker.logs(LogLevel::Debug) {
            answers.iter().for_each(|answer| speaker.log_publish("PUBLISH", answer));
        }
        let taken = answers.iter().any(Result::is_ok);
        if taken && speaker.is_event_due(self.clock.now()) {
            // A status that cannot be written now is written with a later event; the event itself is safe.
            let _later = self.statuses.seen(&speaker.key, Seen::Event).await;
        }
        answers
    }

    /// Keeps a device's state, then publishes it to the state topic if the registry has one. A topic that is missing or
    /// closed to us does not undo the state: the reason goes to the device's `lastErrorStatus`. A topic that is busy is
    /// an error, and the device reports again.
    pub async fn state(&self, speaker: &Speaker, data: Bytes) -> Result<(), EventError> {
        check_size("state", data.len(), MAX_STATE_BYTES)?;
        state::report(&self.stores, &speaker.key, &data, self.clock.now()).await?;
        self.statuses.seen(&speaker.key, Seen::State).await?;
        speaker.log_publish("STATE", &Ok(()));
        let Some(topic) = &speaker.registry.state_topic else { return Ok(()) };
        let attributes = Attributes { device: speaker.attributes.clone(), own: Vec::new() };
        let published = self.publisher.publish(topic, vec![Message { data, attributes }]).await.pop();
        match published.unwrap_or_else(|| Ok(String::new())) {
            Ok(_) => Ok(()),
            Err(e) if e.is_retryable() => Err(e.into()),
            Err(e) => {
                let message = format!("the state is kept and was not published: {e}");
                Ok(self.statuses.error(&speaker.key, ErrorStatus { code: FAILED_PRECONDITION, message }).await?)
            }
        }
    }
}

impl Speaker {
    fn log_publish(&self, event: &'static str, answer: &Result<(), EventError>) {
        match answer {
            Ok(()) => self.log(LogLevel::Debug, event, "taken"),
            Err(e) => self.log(LogLevel::Debug, event, &e.to_string()),
        }
    }
}

fn check_size(what: &'static str, len: usize, limit: usize) -> Result<(), EventError> {
    if len <= limit { Ok(()) } else { Err(EventError::TooLarge { what, len, limit }) }
}

/// Puts the event's message under each of its topics.
fn route(speaker: &Speaker, place: usize, event: Event, outgoing: &mut Outgoing) -> Result<(), EventError> {
    check_size("event", event.data.len(), MAX_EVENT_BYTES)?;
    topics::check_subfolder(&event.subfolder)?;
    attributes::check(event.properties.iter().map(|(name, value)| (name.as_ref(), value.as_str()))).map_err(EventError::Attribute)?;
    let Event { subfolder, data, properties } = event;
    let mut own = Vec::with_capacity(1 + properties.len());
    own.push((Cow::Borrowed(attribute::SUBFOLDER), subfolder.clone()));
    // A device cannot speak in another's name: our names are not its to set.
    own.extend(properties.into_iter().filter(|(name, _)| !is_ours(name)));
    let message = Message { data, attributes: Attributes { device: speaker.attributes.clone(), own } };
    let mut routed = false;
    for topic in speaker.registry.targets(&subfolder) {
        routed = true;
        match outgoing.iter_mut().find(|(t, ..)| t == topic) {
            Some((_, places, messages)) => {
                // Two routes to one topic are one message.
                if places.last() != Some(&place) {
                    places.push(place);
                    messages.push(message.clone());
                }
            }
            None => outgoing.push((topic.clone(), vec![place], vec![message.clone()])),
        }
    }
    if routed { Ok(()) } else { Err(EventError::NoRoute { registry: speaker.registry.name.registry.to_string(), subfolder }) }
}

fn is_ours(name: &str) -> bool {
    use attribute as a;
    [a::DEVICE_ID, a::DEVICE_NUM_ID, a::REGISTRY_ID, a::REGISTRY_LOCATION, a::PROJECT_ID, a::SUBFOLDER, a::GATEWAY_ID].contains(&name)
}
