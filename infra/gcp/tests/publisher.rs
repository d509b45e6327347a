//! The publisher against Google's Pub/Sub emulator, which `cargo xtask test` starts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::publisher::{Arrived, Subject, message};
use domain::ports::Publisher;
use infra_gcp::{Endpoint, Ordering, PubSub};
use protocol::TopicName;
use reqwest::Method;
use serde_json::{Value, json};

fn emulator() -> String {
    std::env::var("PUBSUB_EMULATOR_HOST").expect("PUBSUB_EMULATOR_HOST is not set: run the tests by `cargo xtask test`")
}

async fn create_topic(name: &TopicName) {
    use google_cloud_auth::credentials::anonymous;
    let endpoint = format!("http://{}", emulator());
    let admin =
        google_cloud_pubsub::client::TopicAdmin::builder().with_endpoint(endpoint).with_credentials(anonymous::Builder::new().build());
    admin.build().await.unwrap().create_topic().set_name(name.as_str()).send().await.unwrap();
}

/// A topic of the emulator with a subscription that keeps the order of each device.
struct Topic {
    publisher: Arc<PubSub>,
    name: TopicName,
    http: reqwest::Client,
}

impl Topic {
    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let id = self.name.topic();
        let url = format!("http://{}/v1/projects/gcp-contract/subscriptions/{id}{path}", emulator());
        self.http.request(method, url).json(&body).send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }
}

async fn topic() -> Topic {
    static TOPICS: AtomicU32 = AtomicU32::new(0);
    let id = format!("contract-{}-{}", std::process::id(), TOPICS.fetch_add(1, Relaxed));
    let name: TopicName = format!("projects/gcp-contract/topics/{id}").parse().unwrap();
    create_topic(&name).await;
    let publisher = Arc::new(PubSub::connect(Endpoint::Emulator(emulator()), Ordering::Device).await.unwrap());
    let topic = Topic { publisher, name, http: reqwest::Client::new() };
    // Longer than any test: nothing is delivered twice meanwhile.
    let body = json!({"topic": topic.name.as_str(), "ackDeadlineSeconds": 600, "enableMessageOrdering": true});
    topic.ask(Method::PUT, "", body).await;
    topic
}

#[async_trait]
impl Subject for Topic {
    fn publisher(&self) -> Arc<dyn Publisher> {
        self.publisher.clone()
    }

    fn topic(&self) -> TopicName {
        self.name.clone()
    }

    async fn read(&self, count: usize) -> Vec<Arrived> {
        let (mut read, mut seen, began) = (Vec::new(), HashSet::new(), Instant::now());
        while read.len() < count {
            assert!(began.elapsed() < Duration::from_secs(10), "{} of {count} arrived", read.len());
            let pulled = self.ask(Method::POST, ":pull", json!({"maxMessages": 1000, "returnImmediately": false})).await;
            let received = pulled["receivedMessages"].as_array().cloned().unwrap_or_default();
            let acks: Vec<_> = received.iter().map(|r| &r["ackId"]).collect();
            if !acks.is_empty() {
                self.ask(Method::POST, ":acknowledge", json!({"ackIds": acks})).await;
            }
            let arrived = received.iter().map(|r| arrived(&r["message"])).filter(|a| seen.insert(a.id.clone()));
            read.extend(arrived.collect::<Vec<_>>());
        }
        read
    }
}

fn arrived(message: &Value) -> Arrived {
    let data = STANDARD.decode(message["data"].as_str().unwrap_or_default()).unwrap().into();
    let attributes = serde_json::from_value(message["attributes"].clone()).unwrap();
    Arrived { id: message["messageId"].as_str().unwrap().to_owned(), data, attributes }
}

mod contract_of_publishers {
    contract::publisher_suite!(super::topic);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_says_how_to_make_it_and_is_forgiven_once_it_is_there() {
    let topic: TopicName = format!("projects/gcp-contract/topics/late-{}", std::process::id()).parse().unwrap();
    let publisher = PubSub::connect(Endpoint::Emulator(emulator()), Ordering::Device).await.unwrap();
    let refused = publisher.publish(&topic, vec![message(26, "0")]).await.pop().unwrap().unwrap_err();
    assert!(!refused.is_retryable());
    assert!(refused.to_string().contains("gcloud pubsub topics create late-"), "{refused}");
    create_topic(&topic).await;
    publisher.publish(&topic, vec![message(26, "1")]).await.pop().unwrap().unwrap();
}
