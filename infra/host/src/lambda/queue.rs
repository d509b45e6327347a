//! # What devices sent, out of a queue
//!
//! A batch of SQS becomes the same publishes as everywhere; each message is answered by itself. Three ends:
//!
//! | end | of | what happens |
//! | --- | --- | --- |
//! | done | what Pub/Sub has, or the records | SQS forgets it |
//! | dropped | what nobody can mend: not readable, not the device's topic, too large, a device that is blocked or not there | one line in the log, the device's last error where there is a device; SQS forgets it |
//! | failed | what may succeed, by itself or once somebody acts: no route, a missing topic, a service that is down | SQS gives it again; after ten times it rests with the dead letters for 14 days, from where it can be sent again |
//!
//! A device has its PUBACK long before this runs, so what only lacks a route is kept and not dropped. Order: what one device
//! sent within a batch keeps its order; batches overtake each other (docs/compatibility.md).

use std::collections::BTreeMap;
use std::time::Duration;

use domain::command::{self, Recipient};
use edge::{ApiError, DeviceErrors};
use futures_util::future::join_all;
use infra_aws::AwsIot;
use infra_aws::iot::When;
use protocol::DeviceName;
use pubsub_fanout::{EventError, FanOut};
use serde::{Deserialize, Serialize};

use super::heard::{self, Heard, What};
use super::speakers::{Known, Speakers};

/// How long commands that waited may take of one call, whose own limit is 30 s.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// An event of SQS, as far as it matters.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    body: String,
}

/// What SQS is to give again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    batch_item_failures: Vec<Failed>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

/// Why a message did not get where it should.
enum Why {
    /// Nobody can mend it.
    Dropped(String),
    /// It may succeed.
    Failed(String),
}

impl From<EventError> for Why {
    fn from(e: EventError) -> Self {
        match e {
            EventError::TooLarge { .. } | EventError::Subfolder(_) | EventError::Attribute(_) => Self::Dropped(e.to_string()),
            EventError::NoRoute { .. } | EventError::Port(_) => Self::Failed(e.to_string()),
        }
    }
}

/// The messages of one device, each with its id.
type Group = Vec<(String, Heard)>;
/// What became of each message.
type Ends = Vec<(String, Result<(), Why>)>;

pub(super) struct Queue {
    fan_out: FanOut,
    iot: Option<AwsIot>,
    speakers: Speakers,
}

impl Queue {
    pub(super) fn new(fan_out: FanOut, iot: Option<AwsIot>) -> Self {
        Self { fan_out, iot, speakers: Speakers::default() }
    }

    /// Handles a batch to its end.
    pub(super) async fn answer(&self, batch: Batch) -> Answer {
        let (mut groups, mut ends) = (BTreeMap::<DeviceName, Group>::new(), Ends::new());
        for Record { message_id, body } in batch.records {
            match heard::read(&body) {
                Ok(heard) => groups.entry(heard.device.clone()).or_default().push((message_id, heard)),
                Err(why) => ends.push((message_id, Err(Why::Dropped(why)))),
            }
        }
        let devices = groups.into_iter().map(|(device, group)| self.device(device, group));
        ends.extend(join_all(devices).await.into_iter().flatten());
        Answer { batch_item_failures: ends.into_iter().filter_map(|(id, end)| failed(id, end)).collect() }
    }

    async fn device(&self, device: DeviceName, mut group: Group) -> Ends {
        group.sort_by_key(|(_, heard)| heard.received_at_ms);
        let all = |group: Group, why: fn(String) -> Why, text: String| {
            group.into_iter().map(|(id, _)| (id, Err(why(format!("`{device}`: {text}"))))).collect()
        };
        match self.speakers.find(&self.fan_out.stores, &device).await {
            Ok(Some(known)) if known.blocked => all(group, Why::Dropped, "the device is blocked".into()),
            Ok(Some(known)) => self.known(&known, group).await,
            Ok(None) => all(group, Why::Dropped, "the device or its registry is not there".into()),
            Err(e) => all(group, Why::Failed, e.to_string()),
        }
    }

    /// Events first, in one batch and in order; then the rest, one by one.
    async fn known(&self, known: &Known, group: Group) -> Ends {
        let (mut ids, mut events, mut rest, mut ends) = (vec![], vec![], vec![], Ends::new());
        for (id, heard) in group {
            let is_own = |named: &String| *named == known.speaker.key.id.to_string() || *named == known.num_id.to_string();
            if let Some(other) = heard.named.filter(|named| !is_own(named)) {
                let text = format!("`{}` published to a topic of another device: `{other}`", known.speaker.key);
                ends.push((id, Err(Why::Dropped(text))));
                continue;
            }
            match heard.what {
                What::Event(event) => {
                    ids.push(id);
                    events.push(event);
                }
                what => rest.push((id, what)),
            }
        }
        let published = self.fan_out.events(&known.speaker, events).await;
        for (id, answer) in ids.into_iter().zip(published) {
            ends.push((id, self.noted(known, answer).await));
        }
        for (id, what) in rest {
            ends.push((id, self.one(known, what).await));
        }
        ends
    }

    async fn one(&self, known: &Known, what: What) -> Result<(), Why> {
        match what {
            What::Event(event) => {
                let answer = self.fan_out.events(&known.speaker, vec![event]).await.pop();
                self.noted(known, answer.unwrap_or(Ok(()))).await
            }
            What::State(data) => {
                let answer = self.fan_out.state(&known.speaker, data).await;
                self.noted(known, answer).await
            }
            What::Subscribed { config, commands } => self.subscribed(known, config, commands).await,
        }
    }

    /// As after a SUBSCRIBE at our own bridge: the configuration, then the commands that waited.
    async fn subscribed(&self, known: &Known, config: bool, commands: bool) -> Result<(), Why> {
        let Some(iot) = &self.iot else {
            return Err(Why::Dropped("a device subscribed, and DRAWBRIDGE_COMMANDS is not awsiot: nothing can be sent to it".into()));
        };
        let key = &known.speaker.key;
        let failed = |e: domain::PortError| Why::Failed(e.to_string());
        if config {
            iot.configure(key, When::Subscribed).await.map_err(failed)?;
        }
        if commands {
            let clock = &*self.fan_out.clock;
            let queue = command::Queue { stores: &self.fan_out.stores, channel: iot, clock };
            let to = Recipient { key: key.clone(), num_id: known.num_id };
            queue.drain(&to, Some(clock.now() + DRAIN_LIMIT)).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Keeps what the device did wrong, or lacks, as its last error.
    async fn noted(&self, known: &Known, answer: Result<(), EventError>) -> Result<(), Why> {
        let Err(e) = answer else { return Ok(()) };
        let FanOut { stores, statuses, clock, .. } = &self.fan_out;
        if !matches!(e, EventError::Port(_)) {
            let errors = DeviceErrors { stores, statuses, now: clock.now() };
            errors.note(&known.speaker.key, &ApiError::from(e.clone())).await;
        }
        Err(e.into())
    }
}

/// One line for each message that did not get through, and what SQS is told.
fn failed(id: String, end: Result<(), Why>) -> Option<Failed> {
    match end {
        Ok(()) => None,
        Err(Why::Dropped(why)) => {
            tracing::warn!(sqs_message = %id, "Dropped a message of a device: {why}");
            None
        }
        Err(Why::Failed(why)) => {
            tracing::warn!(sqs_message = %id, "A message of a device is to come again: {why}");
            Some(Failed { item_identifier: id })
        }
    }
}

#[cfg(test)]
mod tests;
