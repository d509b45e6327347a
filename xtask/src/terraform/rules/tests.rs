//! Each rule finds what breaks it: one that finds nothing is no rule.

use serde_json::{Value, json};

use super::*;

fn one(kind: &str, values: Value) -> Resource {
    Resource { address: format!("{kind}.one"), kind: kind.into(), values, secret: json!({}), labels: None }
}

fn applied(resources: Vec<Resource>) -> Applied {
    Applied { resources, state: "{}".into() }
}

fn broken(resources: Vec<Resource>) -> String {
    check(&applied(resources)).unwrap_err().to_string()
}

#[test]
fn what_has_no_label_and_could_is_named() {
    let bare = Resource { labels: Some("tags".into()), ..one("aws_sqs_queue", json!({ "tags": {}, "redrive_policy": "x" })) };
    assert!(broken(vec![bare]).contains("aws_sqs_queue.one has no label app=drawbridge"));
    let labelled = json!({ "tags": { "app": "drawbridge" }, "redrive_policy": "x" });
    check(&applied(vec![Resource { labels: Some("tags".into()), ..one("aws_sqs_queue", labelled) }])).unwrap();
}

#[test]
fn a_topic_and_a_queue_without_dead_letters_are_named() {
    let topic = || one("google_pubsub_topic", json!({ "id": "t" }));
    assert!(broken(vec![topic()]).contains("has no subscription"));
    let subscription = one("google_pubsub_subscription", json!({ "topic": "t", "dead_letter_policy": [] }));
    assert!(broken(vec![topic(), subscription]).contains("google_pubsub_subscription.one has no dead letters"));
    assert!(broken(vec![one("aws_sqs_queue", json!({ "arn": "a" }))]).contains("aws_sqs_queue.one has no dead letters"));
    let dead = one("aws_sqs_queue", json!({ "arn": "a" }));
    let queue = one("aws_sqs_queue", json!({ "arn": "b", "redrive_policy": "{\"deadLetterTargetArn\":\"a\"}" }));
    check(&applied(vec![dead, queue])).unwrap();
}

#[test]
fn a_log_without_an_end_is_named() {
    assert!(broken(vec![one("aws_cloudwatch_log_group", json!({ "name": "l", "retention_in_days": 0 }))]).contains("without an end"));
    let elsewhere = one("aws_lambda_function", json!({ "logging_config": [{ "log_group": "/aws/lambda/default" }] }));
    assert!(broken(vec![elsewhere]).contains("aws_lambda_function.one logs without an end"));
    assert!(broken(vec![one("google_cloud_run_v2_service", json!({}))]).contains("the logs of Cloud Run have no end"));
}

#[test]
fn a_budget_that_speaks_too_late_is_named() {
    assert!(broken(vec![one("google_billing_budget", json!({ "threshold_rules": [{}] }))]).contains("before it is spent"));
    assert!(broken(vec![one("aws_budgets_budget", json!({ "notification": [] }))]).contains("before it is spent"));
}

#[test]
fn a_port_that_grpc_or_a_websocket_cannot_use_is_named() {
    let logs = || one("google_logging_project_bucket_config", json!({ "retention_days": 30 }));
    let service = |functions: &str, port: &str| {
        let env = json!([{ "name": "DRAWBRIDGE_LOG", "value": "info" }, { "name": "DRAWBRIDGE_FUNCTIONS", "value": functions }]);
        one("google_cloud_run_v2_service", json!({ "template": [{ "containers": [{ "env": env, "ports": [{ "name": port }] }] }] }))
    };
    for (functions, right, wrong) in [("device-registry", "h2c", "http1"), ("bridge,device-registry,command-relay", "http1", "h2c")] {
        let says = format!("runs {functions} and calls its port Some({wrong:?})");
        assert!(broken(vec![logs(), service(functions, wrong)]).contains(&says));
        check(&applied(vec![logs(), service(functions, right)])).unwrap();
    }
    check(&applied(vec![logs(), service("pubsub-fanout", "http1")])).unwrap();
}

#[test]
fn a_secret_in_the_state_is_named() {
    assert!(broken(vec![one("google_service_account_key", json!({}))]).contains("keeps its secret in the state"));
    let secret = json!({ "environment": [{ "variables": { "TOKEN": true } }] });
    let marked = Resource { secret, ..one("x", json!({ "environment": [{ "variables": { "TOKEN": "hush" } }] })) };
    let text = broken(vec![marked]);
    assert!(text.contains("x.one.environment[0].variables.TOKEN is a secret") && !text.contains("hush"), "{text}");
    let empty = Resource { secret: json!({ "keys": true }), ..one("x", json!({ "keys": {} })) };
    check(&applied(vec![empty])).unwrap();
    let state = Applied { state: "-----BEGIN PRIVATE KEY-----".into(), ..applied(vec![one("x", json!({}))]) };
    assert!(check(&state).unwrap_err().to_string().contains("the state holds `PRIVATE KEY`"));
}
