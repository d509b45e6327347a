//! The contract of `Records`, run by both local adapters; and what sled alone promises.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use domain::ports::{Expect, Records, Stores, Written};
use domain::status::{DeviceStatus, ErrorStatus};
use infra_local::{memory_stores, sled_stores};

fn status(message: &str) -> DeviceStatus {
    DeviceStatus { last_error: Some(ErrorStatus { code: 7, message: message.into() }), ..DeviceStatus::default() }
}

async fn contract(stores: Stores) {
    let records = stores.statuses;
    assert!(records.get("k").await.unwrap().is_none());
    let Written::Stored(v1) = records.put("k", &status("one"), Expect::Absent).await.unwrap() else { panic!() };
    assert_eq!(records.put("k", &status("two"), Expect::Absent).await.unwrap(), Written::Conflict);
    let Written::Stored(v2) = records.put("k", &status("two"), Expect::Version(v1)).await.unwrap() else { panic!() };
    assert_eq!(records.put("k", &status("three"), Expect::Version(v1)).await.unwrap(), Written::Conflict);
    assert_eq!(records.get("k").await.unwrap().unwrap().value, status("two"));
    assert_eq!(records.delete("k", Expect::Version(v1)).await.unwrap(), Written::Conflict);
    assert_eq!(records.delete("k", Expect::Version(v2)).await.unwrap(), Written::Stored(0));
    let Written::Stored(v3) = records.put("k", &status("again"), Expect::Absent).await.unwrap() else { panic!() };
    assert!(![v1, v2].contains(&v3), "a version never comes twice");

    for i in 0..25 {
        records.put(&format!("list/{i:02}"), &status(""), Expect::Anything).await.unwrap();
    }
    records.put("lisu", &status(""), Expect::Anything).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = records.list("list/", after.as_deref(), 10).await.unwrap();
        assert!(page.items.len() <= 10);
        seen.extend(page.items.into_iter().map(|(k, _)| k));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..25).map(|i| format!("list/{i:02}")).collect::<Vec<_>>());
}

/// Forty writers add one each to a counter; no addition is lost.
async fn contended(records: Arc<dyn Records<DeviceStatus>>) {
    let writers: Vec<_> = (0..40)
        .map(|_| {
            let records = records.clone();
            tokio::spawn(async move {
                loop {
                    let found = records.get("counter").await.unwrap();
                    let expect = found.as_ref().map_or(Expect::Absent, |f| Expect::Version(f.version));
                    let count: u32 = found.map_or(0, |f| f.value.last_error.unwrap().message.parse().unwrap());
                    if records.put("counter", &status(&(count + 1).to_string()), expect).await.unwrap() != Written::Conflict {
                        break;
                    }
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(records.get("counter").await.unwrap().unwrap().value, status("40"));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_records_keep_the_contract() {
    contract(memory_stores()).await;
    contended(memory_stores().statuses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sled_records_keep_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    contract(sled_stores(dir.path()).unwrap()).await;
    let dir = tempfile::tempdir().unwrap();
    contended(sled_stores(dir.path()).unwrap().statuses).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_versions_survive_a_restart_whatever_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let large = "x".repeat(900_000);
    let mut versions = Vec::new();
    for round in 0..4 {
        let stores = sled_stores(dir.path()).unwrap();
        if round > 0 {
            let found = stores.statuses.get("large").await.unwrap().unwrap();
            assert_eq!(found.value, status(&format!("{large}{}", round - 1)));
        }
        let put = stores.statuses.put("large", &status(&format!("{large}{round}")), Expect::Anything).await.unwrap();
        let Written::Stored(version) = put else { panic!() };
        assert!(!versions.contains(&version));
        versions.push(version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_large_record_never_see_half_of_one() {
    let dir = tempfile::tempdir().unwrap();
    let records = sled_stores(dir.path()).unwrap().statuses;
    let text = |i: u8| char::from(b'a' + i % 26).to_string().repeat(300_000);
    records.put("k", &status(&text(0)), Expect::Anything).await.unwrap();
    let writer = {
        let records = records.clone();
        tokio::spawn(async move {
            for i in 0..30 {
                records.put("k", &status(&text(i)), Expect::Anything).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        if let Ok(Some(found)) = records.get("k").await {
            let seen = found.value.last_error.unwrap().message;
            assert!(seen.len() == 300_000 && seen.bytes().all(|b| b == seen.as_bytes()[0]));
        }
    }
    writer.await.unwrap();
}
