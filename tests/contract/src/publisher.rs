//! What every [`Publisher`] does, case by case. [`publisher_suite!`](crate::publisher_suite) makes a test of each for an
//! adapter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::ports::Publisher;
use domain::{Attributes, Message};
use protocol::TopicName;
use tokio::task::JoinSet;

/// A publisher, and a topic of it that is there and empty.
#[async_trait]
pub trait Subject: Send + Sync {
    /// What is tested.
    fn publisher(&self) -> Arc<dyn Publisher>;
    /// Where it publishes to.
    fn topic(&self) -> TopicName;
    /// All that has arrived, each once and those of one device in order; waits until there are `count`, ten seconds at most.
    async fn read(&self, count: usize) -> Vec<Arrived>;
}

/// A message as a subscriber gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// The id that its publisher was told.
    pub id: String,
    /// Its payload.
    pub data: Bytes,
    /// All attributes.
    pub attributes: BTreeMap<String, String>,
}

/// One test for each case of the contract. `$make` is an `async fn` that answers a [`Subject`].
#[macro_export]
macro_rules! publisher_suite {
    ($make:path) => {
        $crate::publisher_suite! { $make:
            a_batch_is_answered_in_order_and_is_there
            a_batch_of_none_is_answered_by_nothing
            the_attributes_of_a_message_arrive_and_ours_come_first
            a_payload_of_any_bytes_arrives_as_it_was
            of_many_publishers_no_message_is_lost_or_out_of_order
        }
    };
    ($make:path: $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                $crate::publisher::$case($make().await).await;
            }
        )*
    };
}

/// A message of `device` that says `text`.
pub fn message(device: u64, text: impl Into<Bytes>) -> Message {
    let device = [("deviceId", format!("dev-{device}")), ("deviceNumId", device.to_string())].into();
    Message { data: text.into(), attributes: Attributes { device, own: vec![("subFolder".into(), String::new())] } }
}

/// The ids of a batch of which each message was taken.
async fn published(subject: &impl Subject, messages: Vec<Message>) -> Vec<String> {
    subject.publisher().publish(&subject.topic(), messages).await.into_iter().map(Result::unwrap).collect()
}

/// One answer for each message, and the message under it.
pub async fn a_batch_is_answered_in_order_and_is_there(subject: impl Subject) {
    let texts: Vec<String> = (0..500).map(|i| i.to_string()).collect();
    let ids = published(&subject, texts.iter().map(|text| message(26, text.clone())).collect()).await;
    let arrived = subject.read(500).await;
    let found: Vec<_> = arrived.iter().map(|a| (a.id.clone(), a.data.clone())).collect();
    let told: Vec<_> = ids.into_iter().zip(texts.into_iter().map(Bytes::from)).collect();
    assert_eq!(found, told);
    assert_eq!(found.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(), 500, "each has an id of its own");
}

/// No message, no answer.
pub async fn a_batch_of_none_is_answered_by_nothing(subject: impl Subject) {
    assert!(published(&subject, Vec::new()).await.is_empty());
    published(&subject, vec![message(26, "next")]).await;
    assert_eq!(subject.read(1).await.len(), 1);
}

/// A device that sends an attribute by the name of one of ours does not replace it.
pub async fn the_attributes_of_a_message_arrive_and_ours_come_first(subject: impl Subject) {
    let mut sent = message(26, "text");
    let own = [("deviceId", "forged"), ("readingId", "1-2"), ("unicode", "ä 日本 😀 \"\\"), ("empty", "")];
    sent.attributes.own = own.map(|(name, value)| (name.into(), value.to_owned())).into();
    published(&subject, vec![sent]).await;
    let expected = [("deviceId", "dev-26"), ("deviceNumId", "26"), ("empty", ""), ("readingId", "1-2"), ("unicode", "ä 日本 😀 \"\\")];
    let expected: BTreeMap<String, String> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(subject.read(1).await[0].attributes, expected);
}

/// None, all byte values, as much as a device may send.
pub async fn a_payload_of_any_bytes_arrives_as_it_was(subject: impl Subject) {
    let all: Vec<u8> = (0..=255).collect();
    let payloads = [Vec::new(), all.clone(), b"\n\"}\0".to_vec(), all.repeat(protocol::limits::MAX_EVENT_BYTES / 256)];
    published(&subject, payloads.iter().map(|data| message(26, data.clone())).collect()).await;
    let arrived: Vec<_> = subject.read(payloads.len()).await.into_iter().map(|a| a.data.to_vec()).collect();
    assert!(arrived == payloads, "lengths {:?}", arrived.iter().map(Vec::len).collect::<Vec<_>>());
}

/// Each device's messages are there once, in its order.
pub async fn of_many_publishers_no_message_is_lost_or_out_of_order(subject: impl Subject) {
    let mut publishers = JoinSet::new();
    for device in 0..20 {
        let (publisher, topic) = (subject.publisher(), subject.topic());
        publishers.spawn(async move {
            for i in 0..50 {
                publisher.publish(&topic, vec![message(device, i.to_string())]).await.pop().unwrap().unwrap();
            }
        });
    }
    publishers.join_all().await;
    let arrived = subject.read(1000).await;
    for device in 0..20 {
        let own = arrived.iter().filter(|a| a.attributes["deviceNumId"] == device.to_string());
        let own: Vec<_> = own.map(|a| String::from_utf8(a.data.to_vec()).unwrap()).collect();
        assert_eq!(own, (0..50).map(|i| i.to_string()).collect::<Vec<_>>(), "device {device}");
    }
    assert_eq!(arrived.iter().map(|a| &a.id).collect::<BTreeSet<_>>().len(), 1000);
}
