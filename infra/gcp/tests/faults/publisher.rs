//! The publisher over a Pub/Sub that throttles or refuses, and over a line that breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use chaos_proxy::ChaosProxy;
use contract::publisher::message;
use domain::PortError;
use domain::ports::Publisher as _;
use infra_gcp::publisher::GIVE_UP_AFTER;
use infra_gcp::{Endpoint, Ordering, PubSub};
use protocol::TopicName;

use crate::emulator;
use crate::refusing::{DENIED, Refusing, THROTTLED};

/// What a call may take past its limit: the machine that runs the tests is busy.
const SLACK: Duration = Duration::from_secs(5);

/// A topic of the emulator, and a publisher by way of `line`.
async fn by_way_of(line: &ChaosProxy) -> (Arc<PubSub>, TopicName) {
    static TOPICS: AtomicU32 = AtomicU32::new(0);
    let topic = format!("projects/gcp-faults/topics/t-{}-{}", std::process::id(), TOPICS.fetch_add(1, Relaxed));
    let url = format!("http://{}/v1/{topic}", emulator("PUBSUB_EMULATOR_HOST"));
    let http = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    http.put(url).json(&serde_json::json!({})).send().await.unwrap().error_for_status().unwrap();
    let publisher = PubSub::connect(Endpoint::Emulator(line.addr().to_string()), Ordering::Device).await.unwrap();
    (Arc::new(publisher), topic.parse().unwrap())
}

fn line() -> ChaosProxy {
    ChaosProxy::to(emulator("PUBSUB_EMULATOR_HOST")).unwrap()
}

/// Publishes one message of `device`, within the limit.
async fn publish(publisher: &PubSub, topic: &TopicName, device: u64) -> Result<String, PortError> {
    let began = Instant::now();
    let answer = publisher.publish(topic, vec![message(device, "x")]).await.pop().unwrap();
    assert!(began.elapsed() < GIVE_UP_AFTER + SLACK, "{:?}", began.elapsed());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_throttled_is_told_so_in_time() {
    let service = Refusing::all(THROTTLED).await;
    let line = ChaosProxy::to(service.addr).unwrap();
    let (publisher, topic) = by_way_of(&line).await;
    let failure = publish(&publisher, &topic, 1).await.unwrap_err();
    assert!(failure.is_retryable() && failure.to_string().contains(topic.as_str()), "{failure}");
    assert!(service.asked() > 1, "{} attempts", service.asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_throttled_for_a_moment_asks_again_and_nobody_notices() {
    let service = Refusing::all(THROTTLED).await;
    let line = ChaosProxy::to(service.addr).unwrap();
    let (publisher, topic) = by_way_of(&line).await;
    let passes = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        line.retarget(emulator("PUBSUB_EMULATOR_HOST")).unwrap();
        line.cut();
        line.restore();
    };
    let (published, ()) = tokio::join!(publish(&publisher, &topic, 1), passes);
    published.unwrap();
    assert!(service.asked() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_we_may_not_publish_to_is_asked_once_and_says_what_to_grant() {
    let service = Refusing::all(DENIED).await;
    let line = ChaosProxy::to(service.addr).unwrap();
    let (publisher, topic) = by_way_of(&line).await;
    for asked in 1..=2 {
        let failure = publish(&publisher, &topic, 1).await.unwrap_err();
        assert!(!failure.is_retryable() && failure.to_string().contains("grant roles/pubsub.publisher"), "{failure}");
        assert_eq!(service.asked(), asked, "a key that failed is not held against its device");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_swallows_everything_a_message_fails_in_time_and_the_next_arrives_later() {
    let line = line();
    let (publisher, topic) = by_way_of(&line).await;
    publish(&publisher, &topic, 1).await.unwrap();
    line.black_hole();
    let (one, other) = tokio::join!(publish(&publisher, &topic, 1), publish(&publisher, &topic, 2));
    for failure in [one.unwrap_err(), other.unwrap_err()] {
        assert!(failure.is_retryable(), "{failure}");
    }
    line.restore();
    publish(&publisher, &topic, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_line_that_is_cut_a_message_fails_for_now_and_the_next_arrives_later() {
    let line = line();
    let (publisher, topic) = by_way_of(&line).await;
    publish(&publisher, &topic, 1).await.unwrap();
    line.cut();
    let failure = publish(&publisher, &topic, 1).await.unwrap_err();
    assert!(failure.is_retryable(), "{failure}");
    line.restore();
    publish(&publisher, &topic, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_cut_is_not_noticed() {
    let line = line();
    let (publisher, topic) = by_way_of(&line).await;
    publish(&publisher, &topic, 1).await.unwrap();
    line.cut();
    let mend = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        line.restore();
    };
    let (published, ()) = tokio::join!(publish(&publisher, &topic, 1), mend);
    published.unwrap();
}
