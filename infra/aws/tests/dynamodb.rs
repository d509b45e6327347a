//! Records in DynamoDB as moto plays it, which `cargo xtask test` starts: the contract, and what DynamoDB alone asks for.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use contract::records::{Subject, record, text};
use domain::ports::{Expect, Written};
use infra_aws::{Table, dynamodb_stores};
use support::{environment, fresh_table, items};

async fn fresh() -> (Subject, ()) {
    let environment = environment().await;
    (dynamodb_stores(&environment, &fresh_table(&environment).await).statuses, ())
}

mod contract_of_records {
    contract::records_suite!(super::fresh);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_policy_in_dynamodb() {
    let environment = environment().await;
    let stores = dynamodb_stores(&environment, &fresh_table(&environment).await);
    contract::policies::the_largest_policy_is_replaced_only_by_whoever_has_read_it(stores).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_larger_than_four_items_is_refused_and_nothing_is_written() {
    let (records, ()) = fresh().await;
    records.put("key", &record("before"), Expect::Absent).await.unwrap();
    let refused = records.put("key", &record("x".repeat(2_000_000)), Expect::Anything).await.unwrap_err();
    assert!(!refused.is_retryable() && refused.to_string().contains("the limit of its 4 DynamoDB items is 1599"), "{refused}");
    assert_eq!(text(&records.get("key").await.unwrap().unwrap().value), "before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_missing_is_a_lasting_failure_that_says_what_to_do() {
    let records = dynamodb_stores(&environment().await, &Table::new("not-there").unwrap()).statuses;
    let refused = records.get("key").await.unwrap_err();
    assert!(
        !refused.is_retryable() && refused.to_string().contains("`not-there`") && refused.to_string().contains("create the table"),
        "{refused}"
    );
    let refused = records.put("key", &record(""), Expect::Anything).await.unwrap_err();
    assert!(!refused.is_retryable(), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_do_not_see_each_other() {
    let environment = environment().await;
    let stores = dynamodb_stores(&environment, &fresh_table(&environment).await);
    assert!(matches!(stores.statuses.put("key", &record("status"), Expect::Absent).await.unwrap(), Written::Stored(_)));
    assert!(stores.states.get("key").await.unwrap().is_none());
    assert!(stores.states.list("", None, 10).await.unwrap().items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_what_was_replaced_or_deleted_do_not_stay() {
    let environment = environment().await;
    let table = fresh_table(&environment).await;
    let records = dynamodb_stores(&environment, &table).statuses;
    let large = |letter: &str| record(letter.repeat(1_000_000));
    records.put("key", &large("a"), Expect::Absent).await.unwrap();
    assert_eq!(items(&environment, &table).await, 3);
    records.put("key", &large("b"), Expect::Anything).await.unwrap();
    assert_eq!(items(&environment, &table).await, 3);
    assert_eq!(records.get("key").await.unwrap().unwrap().value, large("b"));
    records.put("key", &record("small"), Expect::Anything).await.unwrap();
    assert_eq!(items(&environment, &table).await, 1);
    records.put("key", &large("c"), Expect::Anything).await.unwrap();
    records.delete("key", Expect::Anything).await.unwrap();
    assert_eq!(items(&environment, &table).await, 0);
}
