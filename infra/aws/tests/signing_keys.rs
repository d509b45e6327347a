//! Signing keys in KMS as moto plays it, which really signs: the contract, and what KMS alone asks for.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use contract::signing_keys::Subject;
use domain::ports::SigningKeys as _;
use infra_aws::{Aws, KmsSigningKeys};

async fn new_key(aws: &Aws, spec: KeySpec) -> String {
    assert!(std::env::var_os("AWS_ENDPOINT_URL").is_some(), "AWS_ENDPOINT_URL is not set: run the tests by `cargo xtask test`");
    let client = Client::new(aws.config().await);
    let made = client.create_key().key_spec(spec).key_usage(KeyUsageType::SignVerify).send().await.unwrap();
    made.key_metadata.unwrap().arn.unwrap()
}

async fn keys(specs: &[KeySpec]) -> KmsSigningKeys {
    let aws = Aws::default();
    let mut arns = Vec::new();
    for spec in specs {
        arns.push(new_key(&aws, spec.clone()).await);
    }
    KmsSigningKeys::new(aws, &format!("awskms://{}", arns.join(",")).parse().unwrap())
}

async fn fresh() -> (Subject, ()) {
    (Arc::new(keys(&[KeySpec::EccNistP256]).await), ())
}

mod contract_of_signing_keys {
    contract::signing_keys_suite!(super::fresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_signs_and_all_are_published() {
    let keys = keys(&[KeySpec::EccNistP256, KeySpec::EccNistP256]).await;
    let (current, published) = (keys.current().await.unwrap(), keys.published().await.unwrap());
    assert_eq!((published.len(), &published[0]), (2, &current));
    assert_ne!(published[1].kid, current.kid);
    assert_eq!(keys.sign(&published[1].kid, b"message").await.unwrap().len(), 64, "whoever was given a name may still sign by it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_kind_is_a_lasting_failure_that_names_the_right_one() {
    let refused = keys(&[KeySpec::Rsa2048]).await.current().await.unwrap_err();
    assert!(!refused.is_retryable() && refused.to_string().contains("ECC_NIST_P256 is needed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_missing_is_a_lasting_failure_that_says_what_to_do() {
    let missing = "awskms://arn:aws:kms:eu-central-1:123456789012:key/7a0b1c2d-0000-4000-8000-000000000000";
    let refused = KmsSigningKeys::new(Aws::default(), &missing.parse().unwrap()).current().await.unwrap_err();
    assert!(!refused.is_retryable() && refused.to_string().contains("create the key"), "{refused}");
}
