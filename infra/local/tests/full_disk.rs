//! A disk that is full: writes are refused, what was there can be read, and with space again everything goes on, at once or
//! with the next start.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use contract::objects::{collect, content, upload};
use contract::publisher::message;
use contract::records::{Subject, record};
use domain::objects::{ObjectName, Uploaded};
use domain::ports::{Expect, ObjectStore as _, Publisher as _, Written};
use infra_local::{FolderObjects, SystemClock, TopicLog, TopicReader, sled_stores};
use loop_disk::{Disk, Filler};
use protocol::TopicName;

/// More than the file systems' own slack.
const LARGE_BYTES: usize = 512 * 1024;
/// Writes until one must have met the end of the disk.
const WRITES: usize = 200;

fn records(disk: &Path) -> Subject {
    sled_stores(&disk.join("records")).unwrap().statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_full_disk_can_be_read_and_written_again_once_there_is_space() {
    let Some(disk) = Disk::ext4(64) else { return };
    let before = records(&disk.path());
    before.put("k", &record("before"), Expect::Absent).await.unwrap();
    let filler = Filler::new(&disk.path());
    let large = record("x".repeat(LARGE_BYTES));
    let mut answered = Vec::new();
    let refused = loop {
        let key = format!("during-{}", answered.len());
        match before.put(&key, &large, Expect::Absent).await {
            Ok(written) => answered.push((key, written)),
            Err(e) => break e,
        }
        assert!(answered.len() < WRITES, "the disk is full and every write was answered");
    };
    assert!(refused.is_retryable(), "{refused}");
    assert_eq!(before.get("k").await.unwrap().unwrap().value, record("before"));
    drop((before, filler));
    let after = records(&disk.path());
    assert_eq!(after.get("k").await.unwrap().unwrap().value, record("before"));
    for (key, written) in answered {
        let found = after.get(&key).await.unwrap().unwrap();
        assert!(found.value == large && written == Written::Stored(found.version), "{key} was answered");
    }
    assert!(matches!(after.put("after", &large, Expect::Absent).await.unwrap(), Written::Stored(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_on_a_full_disk_takes_messages_again_once_there_is_space() {
    let Some(disk) = Disk::ext4(64) else { return };
    let topic: TopicName = "projects/p/topics/log".parse().unwrap();
    let folder = disk.path().join("topics");
    let log = TopicLog::open(&folder, Arc::new(SystemClock)).unwrap();
    let publish = async |text: Vec<u8>| log.publish(&topic, vec![message(1, text)]).await.pop().unwrap();
    publish(b"before".to_vec()).await.unwrap();
    let filler = Filler::new(&disk.path());
    let mut taken = 1;
    let refused = loop {
        match publish(vec![b'x'; 64 * 1024]).await {
            Ok(_) => taken += 1,
            Err(e) => break e,
        }
        assert!(taken < WRITES, "the disk is full and every message was taken");
    };
    assert!(refused.is_retryable(), "{refused}");
    drop(filler);
    publish(b"after".to_vec()).await.unwrap();
    let mut reader = TopicReader::new(&folder, &topic, 0);
    let payloads: Vec<_> = std::iter::from_fn(|| reader.next_entry().unwrap()).map(|entry| entry.payload()).collect();
    assert_eq!((payloads.len(), &payloads[0][..], &payloads[taken][..]), (taken + 1, &b"before"[..], &b"after"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_a_full_disk_leaves_nothing_and_the_next_is_kept() {
    let Some(disk) = Disk::ext4(64) else { return };
    let objects = FolderObjects::open(&disk.path().join("objects")).unwrap();
    let name = ObjectName::try_new("bucket", "a").unwrap();
    let (small, large) = (content(1000, 1), content(4 << 20, 2));
    let Uploaded::Stored(before) = objects.write(&name, upload(&small, None), None).await.unwrap() else { panic!() };
    let filler = Filler::new(&disk.path());
    let refused = objects.write(&name, upload(&large, None), None).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    assert_eq!(objects.stat(&name).await.unwrap(), Some(before.clone()));
    assert!(collect(&objects, &name, before.generation, 0..before.size).await.unwrap().unwrap() == small);
    drop(filler);
    let Uploaded::Stored(after) = objects.write(&name, upload(&large, None), None).await.unwrap() else { panic!() };
    assert!(after.generation > before.generation && after.size == large.len() as u64);
}
