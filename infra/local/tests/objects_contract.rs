//! The folder of objects keeps the contract of its port.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use infra_local::FolderObjects;

/// One piece is written at a time, and one is read ahead.
const HELD_BYTES: usize = 256 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_the_contract_of_objects() {
    let dir = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(dir.path()).unwrap();
    contract::objects::suite(&objects, "contract", HELD_BYTES).await;
}
