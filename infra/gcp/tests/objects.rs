//! Cloud Storage's adapter against an emulator, which `cargo xtask test` starts, and over lines that break.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "objects/faults.rs"]
mod faults;
#[path = "objects/signed.rs"]
mod signed;
#[path = "objects/support.rs"]
mod support;

use contract::objects::{content, upload};
use domain::objects::ObjectName;
use domain::ports::ObjectStore as _;
use infra_gcp::objects::UPLOAD_BUFFER_BYTES;
use infra_gcp::{CloudObjects, Endpoint};

use crate::support::{bucket, emulator};

#[tokio::test(flavor = "multi_thread")]
async fn cloud_storage_keeps_the_contract_of_objects() {
    let bucket = bucket("contract", emulator()).await;
    let objects = CloudObjects::new(Endpoint::Emulator(emulator().to_string()));
    contract::objects::suite(&objects, &bucket, 2 * UPLOAD_BUFFER_BYTES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_says_how_to_make_it() {
    let objects = CloudObjects::new(Endpoint::Emulator(emulator().to_string()));
    let name = ObjectName::try_new("no-such-bucket", "x").unwrap();
    assert_eq!(objects.stat(&name).await.unwrap(), None);
    let refused = objects.write(&name, upload(&content(10, 1), None), None).await.unwrap_err();
    assert!(!refused.is_retryable());
    assert!(refused.to_string().contains("gcloud storage buckets create gs://no-such-bucket"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emulator_signs_nothing_so_the_bytes_go_through_us() {
    let objects = CloudObjects::new(Endpoint::Emulator(emulator().to_string()));
    let name = ObjectName::try_new("bucket", "x").unwrap();
    assert_eq!(objects.sign(&name, 1, std::time::Duration::from_secs(60)).await.unwrap(), None);
}
