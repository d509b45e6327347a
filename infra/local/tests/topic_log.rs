//! The topic log on a real disk.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::sync::Arc;

use domain::ports::Publisher;
use domain::{Attributes, Message};
use infra_local::{SystemClock, TopicLog, TopicReader};
use protocol::TopicName;

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

#[tokio::test(flavor = "multi_thread")]
async fn many_publishers_share_the_log_and_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let log = TopicLog::open(dir.path(), Arc::new(SystemClock)).unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|t| {
            let log = log.clone();
            tokio::spawn(async move {
                for i in 0..50 {
                    log.publish(&topic(), vec![message(&format!("{t}-{i}"))]).await.pop().unwrap().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut seen = read_all(dir.path());
    for t in 0..20 {
        let own: Vec<_> = seen.iter().filter(|s| s.starts_with(&format!("{t}-"))).cloned().collect();
        assert_eq!(own, (0..50).map(|i| format!("{t}-{i}")).collect::<Vec<_>>());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1000);
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
