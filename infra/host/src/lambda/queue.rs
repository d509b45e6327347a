//! # What devices sent, out of a queue
//!
//! A batch of SQS becomes the same publishes as everywhere; each message is answered by itself. Three ends:
//!
//! | end | of | what happens |
//! | --- | --- | --- |
//! | done | what Pub/Sub has, or the records | SQS forgets it |
//! | dropped | what nobody can mend: not readable, not the device's topic, too large, a device that is blocked or not there | a line in the log, the device's last error; SQS forgets it |
//! | failed | what may succeed, by itself or once somebody acts: no route, a missing topic, a service that is down | SQS gives it again; after ten times it rests with the dead letters for 14 days, from where it can be sent again |
//!
//! The log has a line a minute for each cause (`fault`). The last error is written once for a batch and device, of one of
//! its messages that were dropped, found no route or met a publisher that will not take them before somebody acts; of the latter
//! two, which come again, once in 10 seconds. There is none for a message whose client id cannot be read or is no device's name,
//! for a device that is not there or whose registry is not, and while the records fail.
//!
//! A device has its PUBACK long before this runs, so what only lacks a route is kept and not dropped. Order: what one device
//! sent within a batch keeps its order; batches overtake each other (docs/compatibility.md).

mod fault;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::command::{self, Recipient};
use domain::identity::Refusal;
use edge::{ApiError, Code};
use futures_util::future::join_all;
use infra_aws::AwsIot;
use infra_aws::iot::When;
use protocol::DeviceName;
use pubsub_fanout::{EventError, FanOut};
use serde::{Deserialize, Serialize};

use fault::{Cause, Fault, Told};

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

/// The messages of one device, each with its id.
type Group = Vec<(String, Heard)>;
/// What became of each message.
type Ends = Vec<(String, Result<(), Fault>)>;

pub(super) struct Queue {
    fan_out: FanOut,
    iot: Option<AwsIot>,
    speakers: Speakers,
    told: Told,
}

impl Queue {
    pub(super) fn new(fan_out: FanOut, iot: Option<AwsIot>) -> Self {
        Self { fan_out, iot, speakers: Speakers::default(), told: Told::default() }
    }

    /// Handles a batch to its end.
    pub(super) async fn answer(&self, batch: Batch) -> Answer {
        let (mut groups, mut ends) = (BTreeMap::<DeviceName, Group>::new(), Ends::new());
        for Record { message_id, body } in batch.records {
            match heard::read(&body) {
                Ok(heard) => groups.entry(heard.device.clone()).or_default().push((message_id, heard)),
                Err(why) => ends.push((message_id, Err(Fault::logged(Cause::Unreadable, why)))),
            }
        }
        let devices = groups.into_iter().map(|(device, group)| self.device(device, group));
        ends.extend(join_all(devices).await.into_iter().flatten());
        self.told.batch(ends.iter().filter_map(|(id, end)| Some((id.as_str(), end.as_ref().err()?))), Instant::now());
        let again = |end: Result<(), Fault>| end.is_err_and(|fault| fault.cause.comes_again());
        let failed = ends.into_iter().filter_map(|(id, end)| again(end).then_some(Failed { item_identifier: id }));
        Answer { batch_item_failures: failed.collect() }
    }

    async fn device(&self, device: DeviceName, mut group: Group) -> Ends {
        group.sort_by_key(|(_, heard)| heard.received_at_ms);
        let all = |group: Group, fault: Fault| group.into_iter().map(|(id, _)| (id, Err(fault.clone()))).collect();
        let known = match self.speakers.find(&self.fan_out.stores, &device).await {
            Ok(Some(known)) => known,
            Ok(None) => {
                return all(group, Fault::logged(Cause::Absent, format!("`{device}`: the device or its registry is not there")));
            }
            Err(e) => return all(group, Fault::port(&device, &e)),
        };
        let ends = match known.blocked {
            true => all(group, Fault::of(&known.speaker.key, Cause::Blocked, &Refusal::Blocked.into())),
            false => self.known(&known, group).await,
        };
        self.note(&known, &ends).await;
        ends
    }

    /// Events first, in one batch and in order; then the rest, one by one.
    async fn known(&self, known: &Known, group: Group) -> Ends {
        let (mut ids, mut events, mut rest, mut ends) = (vec![], vec![], vec![], Ends::new());
        let key = &known.speaker.key;
        for (id, heard) in group {
            let is_own = |named: &String| *named == key.id.to_string() || *named == known.num_id.to_string();
            if let Some(other) = heard.named.filter(|named| !is_own(named)) {
                let text = format!("`{}` published to a topic of another device: `{other}`", key.id);
                let told = ApiError::new(Code::PermissionDenied, text);
                ends.push((id, Err(Fault::of(key, Cause::ForeignTopic, &told))));
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
        let faulty = |answer: Result<(), EventError>| answer.map_err(|e| Fault::event(key, e));
        ends.extend(ids.into_iter().zip(published.into_iter().map(faulty)));
        for (id, what) in rest {
            ends.push((id, self.one(known, what).await));
        }
        ends
    }

    async fn one(&self, known: &Known, what: What) -> Result<(), Fault> {
        let key = &known.speaker.key;
        let answer = match what {
            What::Event(event) => self.fan_out.events(&known.speaker, vec![event]).await.pop().unwrap_or(Ok(())),
            What::State(data) => self.fan_out.state(&known.speaker, data).await,
            What::Subscribed { config, commands } => return self.subscribed(known, config, commands).await,
            What::Unreadable(why) => return Err(Fault::of(key, Cause::Unreadable, &ApiError::new(Code::InvalidArgument, why))),
        };
        answer.map_err(|e| Fault::event(key, e))
    }

    /// As after a SUBSCRIBE at our own bridge: the configuration, then the commands that waited.
    async fn subscribed(&self, known: &Known, config: bool, commands: bool) -> Result<(), Fault> {
        let key = &known.speaker.key;
        let Some(iot) = &self.iot else {
            let text = "the device subscribed, and DRAWBRIDGE_COMMANDS is not awsiot: nothing can be sent to it";
            return Err(Fault::of(key, Cause::NoCommands, &ApiError::new(Code::FailedPrecondition, text)));
        };
        let failed = |e: domain::PortError| Fault::port(key, &e);
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

    /// Keeps what the device did wrong, or lacks, as its last error: one write for a batch, of one such message, and of what comes
    /// again one in 10 seconds.
    async fn note(&self, known: &Known, ends: &Ends) {
        let faults = ends.iter().filter_map(|(_, end)| end.as_ref().err());
        let told = faults.filter_map(|fault| Some((fault.cause.comes_again(), fault.told.clone()?)));
        // What was dropped is said now or never.
        let Some((comes_again, told)) = told.max_by_key(|(comes_again, _)| !comes_again) else { return };
        let (statuses, key) = (&self.fan_out.statuses, &known.speaker.key);
        let noted = if comes_again { statuses.repeated_error(key, told).await } else { statuses.error(key, told).await };
        if let Err(e) = noted {
            self.told.unwritten(&e, Instant::now());
        }
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
