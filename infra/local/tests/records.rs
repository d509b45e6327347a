//! The contract of `Records`, run by both local adapters; and what sled alone promises.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use contract::policies::the_largest_policy_is_replaced_only_by_whoever_has_read_it;
use contract::records::{Subject, record, text};
use domain::ports::{Expect, Written};
use infra_local::{memory_stores, sled_stores};

mod memory {
    async fn fresh() -> (super::Subject, ()) {
        (super::memory_stores().statuses, ())
    }

    contract::records_suite!(fresh);
}

mod sled {
    async fn fresh() -> (super::Subject, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        (super::sled_stores(dir.path()).unwrap().statuses, dir)
    }

    contract::records_suite!(fresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_policy_in_memory_and_in_sled() {
    the_largest_policy_is_replaced_only_by_whoever_has_read_it(memory_stores()).await;
    let dir = tempfile::tempdir().unwrap();
    the_largest_policy_is_replaced_only_by_whoever_has_read_it(sled_stores(dir.path()).unwrap()).await;
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
            assert_eq!(found.value, record(format!("{large}{}", round - 1)));
        }
        let put = stores.statuses.put("large", &record(format!("{large}{round}")), Expect::Anything).await.unwrap();
        let Written::Stored(version) = put else { panic!() };
        assert!(!versions.contains(&version));
        versions.push(version);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_large_record_never_see_half_of_one() {
    let dir = tempfile::tempdir().unwrap();
    let records = sled_stores(dir.path()).unwrap().statuses;
    let letters = |i: u8| char::from(b'a' + i % 26).to_string().repeat(300_000);
    records.put("k", &record(letters(0)), Expect::Anything).await.unwrap();
    let writer = {
        let records = records.clone();
        tokio::spawn(async move {
            for i in 0..30 {
                records.put("k", &record(letters(i)), Expect::Anything).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        if let Ok(Some(found)) = records.get("k").await {
            let seen = text(&found.value);
            assert!(seen.len() == 300_000 && seen.bytes().all(|b| b == seen.as_bytes()[0]));
        }
    }
    writer.await.unwrap();
}
