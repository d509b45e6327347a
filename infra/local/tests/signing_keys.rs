//! Signing keys in a file: the contract of `SigningKeys`; made once, private, kept over a restart.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::Timestamp;
use domain::ports::{Clock, SigningKeys};
use infra_local::FileSigningKeys;
use infra_local::signing_keys::{ANNOUNCE, OVERLAP, PERIOD};

struct Hand(AtomicI64);
impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.load(Ordering::Relaxed))
    }
}

fn clock() -> Arc<Hand> {
    Arc::new(Hand(AtomicI64::new(1_800_000_000)))
}

async fn fresh() -> (contract::signing_keys::Subject, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Arc::new(FileSigningKeys::open(&dir.path().join("signing-keys.json"), clock()).unwrap()), dir)
}

mod contract_of_signing_keys {
    contract::signing_keys_suite!(super::fresh);
}

#[tokio::test]
async fn keys_are_kept_in_a_private_file_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("signing-keys.json");
    let keys = FileSigningKeys::open(&file, clock()).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let current = keys.current().await.unwrap();
    let again = FileSigningKeys::open(&file, clock()).unwrap();
    assert_eq!(again.published().await.unwrap(), [current]);
}

#[tokio::test]
async fn keys_turn_by_age_with_an_overlap() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.json");
    let clock = clock();
    let keys = FileSigningKeys::open(&file, clock.clone()).unwrap();
    let first = keys.current().await.unwrap();
    let go = |d: std::time::Duration| clock.0.fetch_add(i64::try_from(d.as_secs()).unwrap(), Ordering::Relaxed);
    go(PERIOD - ANNOUNCE);
    assert_eq!((keys.current().await.unwrap(), keys.published().await.unwrap().len()), (first.clone(), 2), "announced");
    go(ANNOUNCE);
    assert_ne!(keys.current().await.unwrap(), first);
    assert!(keys.published().await.unwrap().contains(&first), "what it signed still counts");
    go(OVERLAP);
    assert!(!keys.published().await.unwrap().contains(&first));
    let reopened = FileSigningKeys::open(&file, clock).unwrap();
    assert_eq!(reopened.published().await.unwrap(), keys.published().await.unwrap());
}

#[tokio::test]
async fn a_file_that_others_may_read_or_that_is_damaged_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("k.json");
    drop(FileSigningKeys::open(&file, clock()).unwrap());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let e = FileSigningKeys::open(&file, clock()).err().unwrap().to_string();
    assert!(e.contains("its mode is 644"), "{e}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "{\"keys\":[{\"secret").unwrap();
    let e = FileSigningKeys::open(&file, clock()).err().unwrap().to_string();
    assert!(e.contains("line 1") && !e.contains("secret"), "{e}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{\"keys\":[{\"secret");
}
