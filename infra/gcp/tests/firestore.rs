//! Records in Google's Firestore emulator, which `cargo xtask test` starts: the contract, and what Firestore alone asks for.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicU32, Ordering};

use contract::records::{Subject, record, text};
use domain::Timestamp;
use domain::config::{ConfigHistory, DeviceConfig};
use domain::ports::{Expect, Stores, Written};
use infra_gcp::{Database, Endpoint, firestore_stores};
use protocol::limits::{KEPT_CONFIG_VERSIONS, MAX_CONFIG_BYTES};

fn emulator() -> String {
    std::env::var("FIRESTORE_EMULATOR_HOST").expect("FIRESTORE_EMULATOR_HOST is not set: run the tests by `cargo xtask test`")
}

/// The stores of a project that nobody else uses.
async fn stores() -> Stores {
    static PROJECTS: AtomicU32 = AtomicU32::new(0);
    let project = format!("contract-{}-{}", std::process::id(), PROJECTS.fetch_add(1, Ordering::Relaxed));
    let database = Database::new(project.parse().unwrap(), "(default)", Endpoint::Emulator(emulator())).unwrap();
    firestore_stores(&database).await.unwrap()
}

async fn fresh() -> (Subject, ()) {
    (stores().await.statuses, ())
}

mod contract_of_records {
    contract::records_suite!(super::fresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_full_configurations_fit_into_one_document() {
    let stores = stores().await;
    let now = Timestamp::from(std::time::SystemTime::now());
    let full = |version| DeviceConfig { version, cloud_update_time: now, device_ack_time: Some(now), data: vec![0xff; MAX_CONFIG_BYTES] };
    let versions = u64::try_from(KEPT_CONFIG_VERSIONS).unwrap();
    let history = ConfigHistory { versions: (0..versions).map(|v| full(u64::MAX - v)).collect() };
    let key = format!("projects/p/locations/europe-west1/registries/{}/devices/{}", "r".repeat(255), "d".repeat(255));
    assert!(matches!(stores.configs.put(&key, &history, Expect::Absent).await.unwrap(), Written::Stored(_)));
    assert_eq!(stores.configs.get(&key).await.unwrap().unwrap().value, history);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_policy_in_firestore() {
    contract::policies::the_largest_policy_is_replaced_only_by_whoever_has_read_it(stores().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_as_large_as_a_document_may_be_is_kept_and_one_byte_more_is_refused() {
    let records = stores().await.statuses;
    let empty = serde_json::to_string(&record("")).unwrap().len();
    // A text may have so many bytes; under a long key the whole document's limit comes first.
    for (key, room) in [("key".to_owned(), 1_048_487), ("k".repeat(1000), 1_048_576 - 70 - "statuses".len() - 1001)] {
        let room = room - empty;
        assert!(matches!(records.put(&key, &record("x".repeat(room)), Expect::Absent).await.unwrap(), Written::Stored(_)));
        let refused = records.put(&key, &record("x".repeat(room + 1)), Expect::Anything).await.unwrap_err();
        let limit = format!("takes {} bytes as JSON, the limit of its Firestore document is {} bytes", room + empty + 1, room + empty);
        assert!(!refused.is_retryable() && refused.to_string().ends_with(&limit), "{refused}");
        assert_eq!(text(&records.get(&key).await.unwrap().unwrap().value).len(), room, "nothing was written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_longer_than_an_id_may_be_is_refused_by_every_call() {
    let records = stores().await.statuses;
    let long = "x".repeat(1500);
    let answers = [
        records.get(&long).await.unwrap_err(),
        records.put(&long, &record(""), Expect::Anything).await.unwrap_err(),
        records.delete(&long, Expect::Anything).await.unwrap_err(),
        records.list(&long, None, 9).await.unwrap_err(),
    ];
    for refused in answers {
        assert!(
            !refused.is_retryable() && refused.to_string().contains("1501 bytes as a document id, Firestore's limit is 1500"),
            "{refused}"
        );
    }
    records.put(&long[1..], &record("fits"), Expect::Absent).await.unwrap();
    assert_eq!(records.get(&long[1..]).await.unwrap().unwrap().value, record("fits"));
}
