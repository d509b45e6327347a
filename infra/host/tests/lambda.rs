//! What the program takes from its environment on AWS Lambda, as terraform/examples/aws sets it, and what it refuses there.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use host::config::{Config, ConfigError, Environment, Events, Home};
use serde_json::json;

const LAMBDA: (&str, &str) = ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
const RECORDS: (&str, &str) = ("DRAWBRIDGE_RECORDS", "dynamodb://drawbridge");
const SECRET: (&str, &str) = ("DRAWBRIDGE_ADMIN_TOKEN_SECRET", "arn:aws:secretsmanager:eu-central-1:1:secret:t");

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read(&variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Environment>())
}

fn refusal(variables: &[(&str, &str)]) -> String {
    read(&[&[LAMBDA, RECORDS], variables].concat()).unwrap_err().to_string()
}

fn account() -> String {
    let audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/aws";
    let kind = "urn:ietf:params:aws:token-type:aws4_request";
    let source = json!({ "environment_id": "aws1" });
    let url = "https://sts.googleapis.com/v1/token";
    json!({ "type": "external_account", "audience": audience, "subject_token_type": kind, "token_url": url, "credential_source": source })
        .to_string()
}

#[test]
fn the_queue_takes_what_terraform_sets() {
    let account = account();
    let config = read(&[
        LAMBDA,
        RECORDS,
        ("DRAWBRIDGE_FUNCTIONS", "pubsub-fanout"),
        ("DRAWBRIDGE_EVENTS", "queue"),
        ("DRAWBRIDGE_PUBLISHER", "pubsub://my-project"),
        ("DRAWBRIDGE_GOOGLE_CREDENTIALS", &account),
        ("DRAWBRIDGE_COMMANDS", "awsiot://abc-ats.iot.eu-central-1.amazonaws.com"),
    ])
    .unwrap();
    assert_eq!((config.home, config.urls.emulators.account.is_some()), (Home::Lambda(Events::Queue), true));
}

#[test]
fn the_token_service_signs_by_kms_and_the_registry_has_its_token_in_a_secret() {
    let provider = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/d";
    let tokens = [
        LAMBDA,
        RECORDS,
        ("DRAWBRIDGE_FUNCTIONS", "token-exchange"),
        ("DRAWBRIDGE_ISSUER", "https://tokens.example.com"),
        ("DRAWBRIDGE_TOKENS", provider),
        ("DRAWBRIDGE_SIGNING_KEYS", "awskms://arn:aws:kms:eu-central-1:1:key/a"),
    ];
    assert_eq!(read(&tokens).unwrap().home, Home::Lambda(Events::Http), "what is not said is HTTP");
    assert!(read(&tokens[..5]).unwrap_err().to_string().contains("DRAWBRIDGE_SIGNING_KEYS must be at a place that all instances share"));
    let registry = [LAMBDA, RECORDS, ("DRAWBRIDGE_FUNCTIONS", "device-registry"), ("DRAWBRIDGE_COMMANDS", "awsiot:"), SECRET];
    let config = read(&registry).unwrap();
    assert_eq!((config.admin_token.is_none(), config.admin_token_secret.as_deref()), (true, Some(SECRET.1)));
    let both = read(&[&registry[..], &[("DRAWBRIDGE_ADMIN_TOKEN", "t")]].concat()).unwrap_err().to_string();
    assert_eq!(both, "DRAWBRIDGE_ADMIN_TOKEN and DRAWBRIDGE_ADMIN_TOKEN_SECRET are both set: set one of them");
}

#[test]
fn the_authorizer_is_the_bridge_and_needs_neither_publisher_nor_address() {
    let authorizer = [("DRAWBRIDGE_FUNCTIONS", "bridge"), ("DRAWBRIDGE_EVENTS", "authorizer")];
    assert_eq!(read(&[&[LAMBDA, RECORDS], &authorizer[..]].concat()).unwrap().home, Home::Lambda(Events::Authorizer));
    let text = read(&[&[RECORDS], &authorizer[..]].concat()).unwrap_err().to_string();
    assert!(text.starts_with("DRAWBRIDGE_EVENTS is `authorizer` (AWS_LAMBDA_RUNTIME_API is not set: this is not AWS Lambda)"), "{text}");
}

#[test]
fn what_only_a_server_uses_is_refused_and_not_passed_over() {
    let fan_out = [LAMBDA, RECORDS, ("DRAWBRIDGE_FUNCTIONS", "pubsub-fanout"), ("DRAWBRIDGE_PUBLISHER", "pubsub://p")];
    let with = |name, value| read(&[&fan_out[..], &[(name, value)]].concat()).map_err(|e| e.to_string());
    let says = "DRAWBRIDGE_METRICS has no effect on AWS Lambda, where nothing listens: take it away; CloudWatch has the function's \
                invocations, errors and durations";
    assert_eq!(with("DRAWBRIDGE_METRICS", "127.0.0.1:9090").unwrap_err(), says);
    for (name, value) in [("DRAWBRIDGE_HTTP", "127.0.0.1:80"), ("DRAWBRIDGE_DRAIN_SECS", "5"), ("DRAWBRIDGE_READY_FILE", "/tmp/ready")] {
        let refusal = with(name, value).unwrap_err();
        assert!(refusal.starts_with(&format!("{name} has no effect on AWS Lambda")) && refusal.lines().count() == 1, "{refusal}");
    }
    assert!(with("DRAWBRIDGE_METRICS", "").is_ok() && with("PORT", "8080").is_ok(), "empty is none; PORT may be somebody else's");
}

#[test]
fn what_no_two_instances_share_is_refused_with_what_to_set() {
    let fan_out = ("DRAWBRIDGE_FUNCTIONS", "pubsub-fanout");
    for (variables, said) in [
        (&[("DRAWBRIDGE_RECORDS", "memory:"), fan_out, ("DRAWBRIDGE_PUBLISHER", "pubsub://p")][..], "such as dynamodb://{table}"),
        (&[fan_out, ("DRAWBRIDGE_PUBLISHER", "log:/tmp/t")], "DRAWBRIDGE_PUBLISHER must outlive the instance"),
        (&[("DRAWBRIDGE_FUNCTIONS", "storage-download"), ("DRAWBRIDGE_OBJECTS", "folder:/tmp")], "DRAWBRIDGE_OBJECTS must outlive"),
        (&[("DRAWBRIDGE_FUNCTIONS", "bridge"), ("DRAWBRIDGE_PUBLISHER", "pubsub://p")], "let AWS IoT be the bridge"),
        (&[fan_out, ("DRAWBRIDGE_PUBLISHER", "pubsub://p"), ("DRAWBRIDGE_EVENTS", "authorizer")], "must be bridge alone"),
        (&[fan_out, ("DRAWBRIDGE_PUBLISHER", "pubsub://p"), ("DRAWBRIDGE_EVENTS", "sns")], "it must be http, queue or authorizer"),
        (
            &[fan_out, ("DRAWBRIDGE_PUBLISHER", "pubsub://p"), ("DRAWBRIDGE_GOOGLE_CREDENTIALS", "{\"type\":\"service_account\"}")],
            "its `type` is `service_account`, not `external_account`",
        ),
    ] {
        let text = refusal(variables);
        assert!(text.contains(said), "{text}");
    }
}
