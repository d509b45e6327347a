//! What is said of messages that do not get through: in the devices' records, and in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::ports::{Clock, Expect, Page, Publisher, Records, Stores, Versioned, Written};
use domain::registry::Route;
use domain::status::{DeviceStatus, ErrorStatus, REPEATED_ERROR_EVERY, StatusBook};
use domain::{Message, PortError};
use fixture::TestClock;
use infra_local::SystemClock;
use protocol::TopicName;
use serde_json::{Value, json};

use super::super::captured::Log;
use super::*;

const REGISTRY: &str = "projects/p/locations/l/registries/reg";

/// Pub/Sub in an outage, or without a right to a topic, which no emulator shows at will.
struct Down(PortError);

impl Down {
    fn for_a_while() -> Self {
        Self(PortError::passing("publisher", "503 from Pub/Sub"))
    }

    fn until_somebody_acts() -> Self {
        Self(PortError::lasting("publisher", "no permission to publish to `projects/p/topics/events`"))
    }
}

#[async_trait]
impl Publisher for Down {
    async fn publish(&self, _: &TopicName, messages: Vec<Message>) -> Vec<Result<String, PortError>> {
        messages.iter().map(|_| Err(self.0.clone())).collect()
    }
}

/// Counts writes of statuses.
struct Counted(Arc<dyn Records<DeviceStatus>>, Arc<AtomicU32>);

#[async_trait]
impl Records<DeviceStatus> for Counted {
    async fn get(&self, key: &str) -> Result<Option<Versioned<DeviceStatus>>, PortError> {
        self.0.get(key).await
    }
    async fn put(&self, key: &str, value: &DeviceStatus, expect: Expect) -> Result<Written, PortError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.put(key, value, expect).await
    }
    async fn delete(&self, key: &str, expect: Expect) -> Result<Written, PortError> {
        self.0.delete(key, expect).await
    }
    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Page<DeviceStatus>, PortError> {
        self.0.list(prefix, after, limit).await
    }
}

/// A queue with Pub/Sub down, and the devices `pi-1` and `pi-2`, which is blocked.
async fn queue() -> (Queue, Stores) {
    queue_over(infra_local::memory_stores(), Down::for_a_while(), Arc::new(SystemClock)).await
}

async fn queue_over(stores: Stores, publisher: Down, clock: Arc<dyn Clock>) -> (Queue, Stores) {
    let mut registry = fixture::registry(REGISTRY);
    let topic = "projects/p/topics/events".parse().unwrap();
    registry.routes = vec![Route { topic, subfolder_matches: "routed".into(), fan_out: false }];
    stores.registries.put(REGISTRY, &registry, Expect::Absent).await.unwrap();
    for (id, num_id) in [("pi-1", 7), ("pi-2", 8)] {
        let mut device = fixture::device(fixture::device_key(REGISTRY, id), num_id, vec![]);
        device.blocked = id == "pi-2";
        fixture::keep(&stores, &device).await;
    }
    let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
    (Queue::new(FanOut { publisher: Arc::new(publisher), stores: stores.clone(), statuses, clock }, None), stores)
}

fn batch(bodies: &[Value]) -> Batch {
    let records = bodies.iter().enumerate().map(|(n, body)| json!({ "messageId": n.to_string(), "body": body.to_string() }));
    serde_json::from_value(json!({ "Records": records.collect::<Vec<_>>() })).unwrap()
}

fn published(device: &str, topic: &str, data: &str) -> Value {
    json!({ "clientId": format!("{REGISTRY}/devices/{device}"), "topic": topic, "binaryData": data, "receivedAtMs": 1 })
}

async fn last_error(stores: &Stores, device: &str) -> Option<ErrorStatus> {
    let status = stores.statuses.get(&format!("{REGISTRY}/devices/{device}")).await.unwrap();
    status.and_then(|status| status.value.last_error)
}

#[tokio::test]
async fn what_is_dropped_of_a_device_is_its_last_error() {
    let subscribed = json!({ "clientId": format!("{REGISTRY}/devices/pi-1"), "eventType": "subscribed", "topics": [] });
    for (device, body, code, says) in [
        ("pi-1", published("pi-1", "/devices/pi-1/events", "?"), 3, "binaryData of 1 bytes"),
        ("pi-1", published("pi-1", "/devices/pi-1/attach", ""), 3, "gateways are not supported over AWS IoT"),
        ("pi-1", published("pi-1", "/devices/pi-2/events", ""), 7, "`pi-1` published to a topic of another device: `pi-2`"),
        ("pi-1", published("pi-1", "/devices/pi-1/state", &"AAAA".repeat(30_000)), 3, "state of 90000 bytes exceeds the limit of 65536"),
        ("pi-1", subscribed, 9, "DRAWBRIDGE_COMMANDS is not awsiot"),
        ("pi-2", published("pi-2", "/devices/pi-2/events", ""), 7, "the device is blocked"),
    ] {
        let (queue, stores) = queue().await;
        assert_eq!(queue.answer(batch(&[body])).await, Answer::default(), "nobody can mend it");
        let error = last_error(&stores, device).await.unwrap();
        assert!(error.code == code && error.message.contains(says), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_of_no_device_that_is_there_is_in_the_log_alone() {
    let (queue, stores) = queue().await;
    let (log, _guard) = Log::start();
    let bodies = [json!({ "clientId": "sensor" }), published("pi-3", "/devices/pi-3/events", "")];
    assert_eq!(queue.answer(batch(&bodies)).await, Answer::default());
    assert!(stores.statuses.list("", None, 10).await.unwrap().items.is_empty());
    let lines = log.lines();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains("Dropped a message of a device")), "{lines:#?}");
    assert!(lines[0].contains("`sensor` is not a device name") && lines[1].contains("devices/pi-3`: the device or its"), "{lines:#?}");
}

#[tokio::test]
async fn what_finds_no_route_comes_again_and_is_the_devices_last_error() {
    let (queue, stores) = queue().await;
    let answer = queue.answer(batch(&[published("pi-1", "/devices/pi-1/events", "")])).await;
    assert_eq!(answer, Answer { batch_item_failures: vec![Failed { item_identifier: "0".into() }] });
    let error = last_error(&stores, "pi-1").await.unwrap();
    assert!(error.code == 9 && error.message.contains("no event notification config"), "{error:?}");
}

#[tokio::test]
async fn an_outage_of_pub_sub_is_one_line_and_not_one_for_each_message() {
    let (queue, stores) = queue().await;
    let (log, _guard) = Log::start();
    for _ in 0..100 {
        let answer = queue.answer(batch(&vec![published("pi-1", "/devices/pi-1/events/routed", ""); 10])).await;
        assert_eq!(answer.batch_item_failures.len(), 10);
    }
    let lines = log.lines();
    let [line] = &lines[..] else { panic!("{lines:#?}") };
    assert!(
        line.contains("A message of a device is to come again") && line.contains("devices/pi-1`: publisher: 503 from Pub/Sub"),
        "{line}"
    );
    assert!(line.contains("(10 such messages since the last line)") && line.contains("sqs_message=0"), "{line}");
    assert_eq!(last_error(&stores, "pi-1").await, None, "it is not the device's doing");
}

#[tokio::test]
async fn what_pub_sub_refuses_until_somebody_acts_is_the_devices_last_error_written_once_in_ten_seconds() {
    let (mut stores, clock, writes) = (infra_local::memory_stores(), Arc::new(TestClock::default()), Arc::new(AtomicU32::new(0)));
    stores.statuses = Arc::new(Counted(stores.statuses, writes.clone()));
    let (queue, stores) = queue_over(stores, Down::until_somebody_acts(), clock.clone()).await;
    let send = async |count| queue.answer(batch(&vec![published("pi-1", "/devices/pi-1/events/routed", ""); count])).await;
    for _ in 0..100 {
        assert_eq!(send(10).await.batch_item_failures.len(), 10, "SQS gives them again");
    }
    let error = last_error(&stores, "pi-1").await.unwrap();
    assert_eq!((error.code, error.message.as_str()), (14, "publisher: no permission to publish to `projects/p/topics/events`"));
    assert_eq!(writes.load(Ordering::Relaxed), 1, "of a thousand messages");
    clock.pass(REPEATED_ERROR_EVERY);
    send(1).await;
    assert_eq!(writes.load(Ordering::Relaxed), 2);
    send_foreign(&queue).await;
    assert_eq!(last_error(&stores, "pi-1").await.unwrap().code, 7, "what is dropped is said at once");
}

/// One message that is dropped beside one that comes again.
async fn send_foreign(queue: &Queue) {
    let both = [published("pi-1", "/devices/pi-2/events", ""), published("pi-1", "/devices/pi-1/events/routed", "")];
    assert_eq!(queue.answer(batch(&both)).await.batch_item_failures.len(), 1);
}

#[test]
fn each_cause_has_a_line_a_minute_with_how_many_there_were() {
    let ((log, _guard), told, start) = (Log::start(), Told::default(), Instant::now());
    let fault = |cause| Fault::logged(cause, format!("{cause:?}"));
    let say = |faults: &[Fault], at: u64| told.batch(faults.iter().map(|fault| ("m", fault)), start + Duration::from_secs(at));
    let publisher = |lasting| Cause::Port { part: "publisher", lasting };
    say(&[fault(Cause::Blocked), fault(Cause::Blocked), fault(publisher(false))], 0);
    say(&[fault(Cause::Blocked), fault(publisher(true)), fault(publisher(false))], 30);
    say(&[fault(Cause::Blocked)], 60);
    let said: Vec<_> =
        log.lines().iter().filter_map(|line| Some(line.split_once("device")?.1.split(" messages=").next()?.to_owned())).collect();
    assert_eq!(
        said,
        [
            ": Blocked (2 such messages since the last line) sqs_message=m",
            " is to come again: Port { part: \"publisher\", lasting: false } (1 such messages since the last line) sqs_message=m",
            " is to come again: Port { part: \"publisher\", lasting: true } (1 such messages since the last line) sqs_message=m",
            ": Blocked (2 such messages since the last line) sqs_message=m",
        ]
    );
}
