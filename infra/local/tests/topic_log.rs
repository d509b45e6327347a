//! The topic log on a real disk.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use contract::publisher::{Arrived, Subject};
use domain::ports::Publisher;
use domain::{Attributes, Message};
use infra_local::{SystemClock, TopicLog, TopicReader};
use protocol::TopicName;

struct Log {
    log: TopicLog,
    dir: tempfile::TempDir,
}

async fn log() -> Log {
    let dir = tempfile::tempdir().unwrap();
    Log { log: TopicLog::open(dir.path(), Arc::new(SystemClock)).unwrap(), dir }
}

#[async_trait]
impl Subject for Log {
    fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::new(self.log.clone())
    }

    fn topic(&self) -> TopicName {
        topic()
    }

    async fn read(&self, count: usize) -> Vec<Arrived> {
        let mut reader = TopicReader::new(self.dir.path(), &topic(), 0);
        let arrived =
            |e: infra_local::topic_log::Entry| Arrived { id: e.offset.to_string(), data: e.payload().into(), attributes: e.attributes };
        let read: Vec<_> = std::iter::from_fn(|| reader.next_entry().unwrap()).map(arrived).collect();
        assert!(read.len() >= count, "{} of {count}: what was answered is in the log", read.len());
        read
    }
}

mod contract_of_publishers {
    contract::publisher_suite!(super::log);
}

fn topic() -> TopicName {
    "projects/p/topics/events".parse().unwrap()
}

fn message(text: &str) -> Message {
    let own = vec![("subFolder".into(), String::new())];
    Message { data: text.to_owned().into(), attributes: Attributes { device: [("deviceId", "dev".to_owned())].into(), own } }
}

fn read_all(dir: &std::path::Path) -> Vec<String> {
    let mut reader = TopicReader::new(dir, &topic(), 0);
    std::iter::from_fn(|| reader.next_entry().unwrap()).map(|e| String::from_utf8(e.payload()).unwrap()).collect()
}

#[tokio::test]
async fn messages_keep_their_order_across_restarts_and_offsets_go_on() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let log = TopicLog::open(dir.path(), Arc::new(SystemClock)).unwrap();
        let answers = log.publish(&topic(), vec![message("a"), message("b")]).await;
        let ids: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids, [(round * 2).to_string(), (round * 2 + 1).to_string()]);
    }
    assert_eq!(read_all(dir.path()), ["a", "b", "a", "b", "a", "b"]);
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let log = TopicLog::open(dir.path(), Arc::new(SystemClock)).unwrap();
    log.publish(&topic(), vec![message("whole")]).await.pop().unwrap().unwrap();
    drop(log);
    let segment = dir.path().join("p/events/00000000000000000000.jsonl");
    let mut file = std::fs::OpenOptions::new().append(true).open(&segment).unwrap();
    file.write_all(b"{\"topic\":\"proj").unwrap();
    assert_eq!(read_all(dir.path()), ["whole"], "a reader waits for the rest of a line");
    let log = TopicLog::open(dir.path(), Arc::new(SystemClock)).unwrap();
    log.publish(&topic(), vec![message("next")]).await.pop().unwrap().unwrap();
    assert_eq!(read_all(dir.path()), ["whole", "next"]);
}

#[tokio::test]
async fn a_reader_follows_what_is_written_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut reader = TopicReader::new(dir.path(), &topic(), 1);
    assert!(reader.next_entry().unwrap().is_none(), "no topic yet");
    let log = TopicLog::open(dir.path(), Arc::new(SystemClock)).unwrap();
    log.publish(&topic(), vec![message("0"), message("1")]).await;
    assert_eq!(reader.next_entry().unwrap().unwrap().offset, 1);
    log.publish(&topic(), vec![message("2")]).await;
    let entry = reader.next_entry().unwrap().unwrap();
    assert_eq!((entry.offset, entry.attributes["deviceId"].as_str()), (2, "dev"));
}
