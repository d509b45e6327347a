//! The publisher against Google's Pub/Sub emulator, which `cargo xtask test` starts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use domain::ports::Publisher;
use domain::{Attributes, Message};
use infra_gcp::{Endpoint, Ordering, PubSub};
use protocol::TopicName;

fn emulator() -> String {
    std::env::var("PUBSUB_EMULATOR_HOST").expect("PUBSUB_EMULATOR_HOST is not set: run the tests by `cargo xtask test`")
}

fn message(i: usize) -> Message {
    let device = [("deviceId", "dev".to_owned()), ("deviceNumId", "2600000000000001".to_owned())].into();
    Message { data: format!("{i}").into(), attributes: Attributes { device, own: vec![("subFolder".into(), String::new())] } }
}

async fn create_topic(name: &TopicName) {
    use google_cloud_auth::credentials::anonymous;
    let endpoint = format!("http://{}", emulator());
    let admin =
        google_cloud_pubsub::client::TopicAdmin::builder().with_endpoint(endpoint).with_credentials(anonymous::Builder::new().build());
    admin.build().await.unwrap().create_topic().set_name(name.as_str()).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_in_order_with_ids() {
    let topic: TopicName = format!("projects/gcp-contract/topics/batch-{}", std::process::id()).parse().unwrap();
    create_topic(&topic).await;
    let publisher = PubSub::connect(Endpoint::Emulator(emulator()), Ordering::Device).await.unwrap();
    let answers = publisher.publish(&topic, (0..500).map(message).collect()).await;
    let ids: Vec<u64> = answers.into_iter().map(|a| a.unwrap().parse().unwrap()).collect();
    assert_eq!(ids.len(), 500);
    assert!(ids.windows(2).all(|w| w[0] < w[1]), "ids grow in the order of publishing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_says_how_to_make_it_and_is_forgiven_once_it_is_there() {
    let topic: TopicName = format!("projects/gcp-contract/topics/late-{}", std::process::id()).parse().unwrap();
    let publisher = PubSub::connect(Endpoint::Emulator(emulator()), Ordering::Device).await.unwrap();
    let refused = publisher.publish(&topic, vec![message(0)]).await.pop().unwrap().unwrap_err();
    assert!(!refused.is_retryable());
    assert!(refused.to_string().contains("gcloud pubsub topics create late-"), "{refused}");
    create_topic(&topic).await;
    publisher.publish(&topic, vec![message(1)]).await.pop().unwrap().unwrap();
}
