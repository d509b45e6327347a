//! Secrets in Secrets Manager as moto plays it, which `cargo xtask test` starts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use aws_sdk_secretsmanager::Client;
use infra_aws::{Aws, secrets};

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_read_by_its_arn_without_the_line_end_and_never_shown() {
    assert!(std::env::var_os("AWS_ENDPOINT_URL").is_some(), "AWS_ENDPOINT_URL is not set: run the tests by `cargo xtask test`");
    let aws = Aws::default();
    let client = Client::new(aws.config().await);
    let name = format!("admin-token-{}", std::process::id());
    let made = client.create_secret().name(&name).secret_string("hush\n").send().await.unwrap();
    let secret = secrets::read(&aws, made.arn().unwrap()).await.unwrap();
    assert_eq!(secret.reveal(), "hush");
    assert!(!format!("{secret:?}").contains("hush"));

    let empty = client.create_secret().name(format!("{name}-empty")).secret_string(" ").send().await.unwrap();
    let refused = secrets::read(&aws, empty.arn().unwrap()).await.unwrap_err();
    assert!(!refused.is_retryable() && refused.to_string().contains("it holds no text"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_missing_is_a_lasting_failure_that_says_what_to_do() {
    let refused = secrets::read(&Aws::default(), "not-there").await.unwrap_err();
    assert!(
        !refused.is_retryable() && refused.to_string().contains("`not-there`") && refused.to_string().contains("create the secret"),
        "{refused}"
    );
}
