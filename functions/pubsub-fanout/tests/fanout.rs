//! Events and states to where a registry sends them, on the real topic log.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use domain::ports::{Publisher, Stores};
use domain::registry::Route;
use domain::status::StatusBook;
use domain::{Message, PortError};
use infra_local::topic_log::Entry;
use infra_local::{SystemClock, TopicLog, TopicReader, memory_stores};
use protocol::TopicName;
use pubsub_fanout::{Event, EventError, FanOut, Speaker};

fn topic(id: &str) -> TopicName {
    format!("projects/p/topics/{id}").parse().unwrap()
}

fn speaker(routes: &[(&str, &str, bool)]) -> Speaker {
    let name = "projects/p/locations/l/registries/reg";
    let route = |(to, subfolder, fan_out): &(&str, &str, bool)| Route {
        topic: topic(to),
        subfolder_matches: (*subfolder).into(),
        fan_out: *fan_out,
    };
    let mut registry = fixture::registry(name);
    registry.routes = routes.iter().map(route).collect();
    registry.state_topic = Some(topic("states"));
    let device = fixture::device(fixture::device_key(name, "dev"), 2_600_000_000_000_001, Vec::new());
    Speaker::new(&device, Arc::new(registry), None)
}

fn fan_out(publisher: Arc<dyn Publisher>) -> (FanOut, Stores) {
    let (stores, clock) = (memory_stores(), Arc::new(SystemClock));
    let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
    (FanOut { publisher, stores: stores.clone(), statuses, clock }, stores)
}

fn log(dir: &std::path::Path) -> Arc<TopicLog> {
    Arc::new(TopicLog::open(dir, Arc::new(SystemClock)).unwrap())
}

fn read(dir: &std::path::Path, id: &str) -> Vec<Entry> {
    let mut reader = TopicReader::new(dir, &topic(id), 0);
    std::iter::from_fn(|| reader.next_entry().unwrap()).collect()
}

fn event(subfolder: &str, data: &str) -> Event {
    Event { subfolder: subfolder.into(), data: data.to_owned().into(), properties: vec![] }
}

#[tokio::test]
async fn an_event_carries_the_attributes_of_cloud_iot_core_and_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (fan_out, _) = fan_out(log(dir.path()));
    let mut sent = event("", "payload");
    sent.properties = vec![("readingId".into(), "1-7".into()), ("deviceId".into(), "somebody-else".into())];
    fan_out.events(&speaker(&[("events", "", false)]), vec![sent]).await.pop().unwrap().unwrap();
    let entry = read(dir.path(), "events").pop().unwrap();
    assert_eq!(entry.payload(), b"payload");
    let expected = [
        ("deviceId", "dev"),
        ("deviceNumId", "2600000000000001"),
        ("deviceRegistryId", "reg"),
        ("deviceRegistryLocation", "l"),
        ("projectId", "p"),
        ("readingId", "1-7"),
        ("subFolder", ""),
    ];
    assert_eq!(entry.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_batch_keeps_its_order_on_every_topic_and_is_answered_event_by_event() {
    let dir = tempfile::tempdir().unwrap();
    let (fan_out, _) = fan_out(log(dir.path()));
    let speaker = speaker(&[("alarms", "alarm", false), ("audit", "alarm", true), ("alarms", "alarm", true)]);
    let too_large = Event { data: vec![0; 256 * 1024 + 1].into(), ..event("alarm", "") };
    let batch = vec![event("alarm", "1"), event("other", "2"), too_large, event("bad subfolder", "3"), event("alarm", "4")];
    let answers = fan_out.events(&speaker, batch).await;
    assert!(answers[0].is_ok() && answers[4].is_ok());
    assert!(matches!(&answers[1], Err(EventError::NoRoute { subfolder, .. }) if subfolder == "other"));
    assert_eq!(answers[2].as_ref().unwrap_err().to_string(), "event of 262145 bytes exceeds the limit of 262144 bytes");
    assert!(matches!(answers[3], Err(EventError::Subfolder(_))));
    for id in ["alarms", "audit"] {
        let payloads: Vec<_> = read(dir.path(), id).iter().map(Entry::payload).collect();
        assert_eq!(payloads, [b"1".to_vec(), b"4".to_vec()], "{id}: once each, two routes or not");
    }
}

#[tokio::test]
async fn a_state_is_kept_ten_deep_and_published_without_subfolder() {
    let dir = tempfile::tempdir().unwrap();
    let (fan_out, stores) = fan_out(log(dir.path()));
    let speaker = speaker(&[]);
    for i in 0..12 {
        fan_out.state(&speaker, format!("{i}").into()).await.unwrap();
    }
    let key = speaker.key.to_string();
    let kept = stores.states.get(&key).await.unwrap().unwrap().value.states;
    assert_eq!(
        kept.iter().map(|s| s.data.clone()).collect::<Vec<_>>(),
        (2..12).rev().map(|i| i.to_string().into_bytes()).collect::<Vec<_>>()
    );
    let published = read(dir.path(), "states");
    assert_eq!(published.len(), 12);
    assert!(!published[0].attributes.contains_key("subFolder"));
    assert!(stores.statuses.get(&key).await.unwrap().unwrap().value.last_state.is_some());
    let refused = fan_out.state(&speaker, vec![0; 64 * 1024 + 1].into()).await.unwrap_err();
    assert_eq!(refused.to_string(), "state of 65537 bytes exceeds the limit of 65536 bytes");
}

/// Fails every second message: no real publisher does that on request.
struct Flaky;

#[async_trait]
impl Publisher for Flaky {
    async fn publish(&self, _: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        (0..messages.len()).map(|i| if i % 2 == 0 { Ok(i.to_string()) } else { Err(PortError::passing("publisher", "busy")) }).collect()
    }
}

#[tokio::test]
async fn a_message_the_publisher_refused_is_not_answered_ok() {
    let (fan_out, _) = fan_out(Arc::new(Flaky));
    let answers = fan_out.events(&speaker(&[("events", "", false)]), vec![event("", "1"), event("", "2"), event("", "3")]).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[tokio::test]
async fn telemetry_writes_the_last_seen_time_once() {
    let dir = tempfile::tempdir().unwrap();
    let (fan_out, stores) = fan_out(log(dir.path()));
    let speaker = speaker(&[("events", "", false)]);
    let mut versions = std::collections::BTreeSet::new();
    for _ in 0..100 {
        fan_out.events(&speaker, vec![event("", "x")]).await;
        versions.insert(stores.statuses.get(&speaker.key.to_string()).await.unwrap().unwrap().version);
    }
    assert_eq!(versions.len(), 1, "one write for a hundred events");
}

#[tokio::test]
async fn a_property_past_pubsubs_limits_refuses_its_own_event_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (fan_out, _) = fan_out(log(dir.path()));
    let mut bad = event("", "bad");
    bad.properties = vec![("note".into(), "x".repeat(1025))];
    let answers = fan_out.events(&speaker(&[("events", "", false)]), vec![event("", "good"), bad]).await;
    assert!(answers[0].is_ok());
    assert_eq!(answers[1].as_ref().unwrap_err().to_string(), "the value of attribute `note` has 1025 bytes, the limit is 1024");
    assert_eq!(read(dir.path(), "events").len(), 1);
}

/// A topic nobody may publish to.
struct Closed;

#[async_trait]
impl Publisher for Closed {
    async fn publish(&self, topic: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        messages.iter().map(|_| Err(PortError::lasting("publisher", format!("topic `{topic}` does not exist")))).collect()
    }
}

#[tokio::test]
async fn a_state_is_kept_though_its_topic_is_missing_and_the_device_is_told() {
    let (fan_out, stores) = fan_out(Arc::new(Closed));
    let speaker = speaker(&[]);
    fan_out.state(&speaker, "on".into()).await.unwrap();
    let key = speaker.key.to_string();
    assert_eq!(stores.states.get(&key).await.unwrap().unwrap().value.states.len(), 1);
    let error = stores.statuses.get(&key).await.unwrap().unwrap().value.last_error.unwrap();
    assert!(error.message.contains("`projects/p/topics/states` does not exist"), "{}", error.message);
}
