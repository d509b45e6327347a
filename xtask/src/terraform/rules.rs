//! What holds for everything that is rented: it is labelled, nothing that cannot be handled is lost, logs do not grow for ever,
//! somebody is told when the money is more than was meant, gRPC and WebSocket are spoken as they must be, and no secret is in the
//! state.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::applied::{Applied, Resource};

/// As the examples set it.
const LABEL: (&str, &str) = ("app", "drawbridge");

/// Shares of the budget at which somebody is told.
const THRESHOLDS: usize = 3;

/// Kinds whose every use puts a secret into the state.
const SECRET_KINDS: [&str; 9] = [
    "aws_iam_access_key",
    "aws_secretsmanager_secret_version",
    "aws_ssm_parameter",
    "google_compute_ssl_certificate",
    "google_kms_secret_ciphertext",
    "google_secret_manager_secret_version",
    "google_service_account_key",
    "random_password",
    "tls_private_key",
];

/// What only a secret looks like.
const SECRET_TEXTS: [&str; 3] = ["PRIVATE KEY", "\"private_key\"", "secret_access_key"];

/// Checks them all; the error names what breaks one.
pub(super) fn check(applied: &Applied) -> Result<()> {
    let broken = [unlabelled(applied), lost(applied), growing(applied), unwatched(applied), misspoken(applied), secrets(applied)].concat();
    ensure!(broken.is_empty(), "what is applied breaks rules:\n{}", broken.join("\n"));
    Ok(())
}

/// Whoever looks at the bill finds what it is for.
fn unlabelled(applied: &Applied) -> Vec<String> {
    let is_bare = |one: &&Resource| one.labels.as_ref().is_some_and(|attribute| one.values[attribute][LABEL.0] != LABEL.1);
    applied.resources.iter().filter(is_bare).map(|one| format!("{} has no label {}={}", one.address, LABEL.0, LABEL.1)).collect()
}

/// A topic or queue without a place for what could not be handled, and such a place that nobody can read.
fn lost(applied: &Applied) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let subscriptions: Vec<_> = applied.of("google_pubsub_subscription").collect();
    let dead: Vec<_> = subscriptions.iter().map(|one| text(&one.values["dead_letter_policy"][0]["dead_letter_topic"])).collect();
    let of = |topic: &Resource| subscriptions.iter().filter(|one| one.values["topic"] == topic.values["id"]).collect::<Vec<_>>();
    let topics = applied.of("google_pubsub_topic").filter_map(|topic| match of(topic).as_slice() {
        [] => Some(format!("{} has no subscription: what is published is lost", topic.address)),
        _ if dead.contains(&text(&topic.values["id"])) => None,
        some => some
            .iter()
            .find(|one| text(&one.values["dead_letter_policy"][0]["dead_letter_topic"]).is_empty())
            .map(|one| format!("{} has no dead letters", one.address)),
    });
    let policies: Vec<_> = applied.of("aws_sqs_queue").map(|one| text(&one.values["redrive_policy"])).collect();
    let is_dead = |queue: &Resource| policies.iter().any(|policy| policy.contains(&format!("{:?}", text(&queue.values["arn"]))));
    let queues = applied.of("aws_sqs_queue").filter(|queue| text(&queue.values["redrive_policy"]).is_empty() && !is_dead(queue));
    topics.chain(queues.map(|queue| format!("{} has no dead letters", queue.address))).collect()
}

/// A log that is kept for ever, or that nobody set a time for.
fn growing(applied: &Applied) -> Vec<String> {
    let days = |one: &Resource, name: &str| one.values[name].as_u64().unwrap_or(0);
    let groups = applied.of("aws_cloudwatch_log_group").filter(|one| days(one, "retention_in_days") == 0);
    let buckets = applied.of("google_logging_project_bucket_config").filter(|one| days(one, "retention_days") == 0);
    let ours: Vec<_> = applied.of("aws_cloudwatch_log_group").map(|one| one.values["name"].clone()).collect();
    let elsewhere = applied.of("aws_lambda_function").filter(|one| !ours.contains(&one.values["logging_config"][0]["log_group"]));
    let has_runs = applied.of("google_cloud_run_v2_service").next().is_some();
    let bare = has_runs && applied.of("google_logging_project_bucket_config").next().is_none();
    let named = groups.chain(buckets).chain(elsewhere).map(|one| format!("{} logs without an end", one.address));
    named.chain(bare.then(|| "the logs of Cloud Run have no end".to_owned())).collect()
}

/// A budget that tells nobody in time.
fn unwatched(applied: &Applied) -> Vec<String> {
    let few =
        |name: &'static str| move |one: &&Resource| one.values[name].as_array().is_none_or(|thresholds| thresholds.len() < THRESHOLDS);
    let google = applied.of("google_billing_budget").filter(few("threshold_rules"));
    let aws = applied.of("aws_budgets_budget").filter(few("notification"));
    google.chain(aws).map(|one| format!("{} says nothing before it is spent", one.address)).collect()
}

/// Cloud Run speaks HTTP/1 to a process unless its port is called `h2c`: gRPC's methods want that, a WebSocket must not have it.
fn misspoken(applied: &Applied) -> Vec<String> {
    let wrong = |one: &Resource| {
        let container = &one.values["template"][0]["containers"][0];
        let variables = container["env"].as_array().into_iter().flatten();
        let named = variables.filter(|variable| variable["name"] == "DRAWBRIDGE_FUNCTIONS").find_map(|variable| variable["value"].as_str());
        let functions: Vec<&str> = named.unwrap_or_default().split(',').collect();
        let (port, has) = (container["ports"][0]["name"].as_str(), |function| functions.contains(&function));
        let wants = !has("bridge") && (has("device-registry") || has("command-relay"));
        (wants && port != Some("h2c") || has("bridge") && port == Some("h2c"))
            .then(|| format!("{} runs {} and calls its port {port:?}", one.address, functions.join(",")))
    };
    applied.of("google_cloud_run_v2_service").filter_map(wrong).collect()
}

/// Invariant 7: no secret in Terraform's state.
fn secrets(applied: &Applied) -> Vec<String> {
    let kinds = applied.resources.iter().filter(|one| SECRET_KINDS.contains(&one.kind.as_str()));
    let marked = applied.resources.iter().flat_map(|one| {
        let mut found = Vec::new();
        marked(&one.secret, &one.values, &one.address, &mut found);
        found
    });
    let texts = SECRET_TEXTS.iter().filter(|text| applied.state.contains(*text)).map(|text| format!("the state holds `{text}`"));
    kinds.map(|one| format!("{} keeps its secret in the state", one.address)).chain(marked).chain(texts).collect()
}

/// Values that the provider calls secret and that are there.
fn marked(secret: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let is_empty = value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(serde_json::Map::is_empty);
    let is_there = !(value.is_null() || value == "" || is_empty);
    match secret {
        Value::Bool(true) if is_there => found.push(format!("{at} is a secret in the state")),
        Value::Object(fields) => fields.iter().for_each(|(name, one)| marked(one, &value[name], &format!("{at}.{name}"), found)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, one)| marked(one, &value[n], &format!("{at}[{n}]"), found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
