//! An installation without MQTT, as `terraform/examples/gcp` rents it by default: it starts, and says that nobody can be reached.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use host::config::Config;
use host::function;
use reqwest::{Client, Response};
use serde_json::{Value, json};

const LOCATION: &str = "v1/projects/my-project/locations/europe-west1/registries";

/// `device-registry` and `command-relay` with these commands.
fn config(commands: &str) -> Result<Config, host::config::ConfigError> {
    let variables = [
        ("DRAWBRIDGE_FUNCTIONS", "device-registry,command-relay"),
        ("DRAWBRIDGE_RECORDS", "memory:"),
        ("DRAWBRIDGE_COMMANDS", commands),
        ("DRAWBRIDGE_ADMIN_TOKEN", "hush"),
        ("DRAWBRIDGE_HTTP", "127.0.0.1:0"),
    ];
    Config::read(&variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

async fn post(url: String, body: Value) -> Response {
    Client::new().post(url).bearer_auth("hush").json(&body).send().await.unwrap()
}

#[tokio::test]
async fn without_a_bridge_a_command_is_refused_as_for_a_device_that_is_away_and_one_with_a_ttl_waits() {
    let running = function::start(config("none:").unwrap()).await.unwrap();
    let at = format!("http://{}", running.addresses.http);
    assert!(post(format!("{at}/{LOCATION}"), json!({ "id": "greenhouse" })).await.status().is_success());
    assert!(post(format!("{at}/{LOCATION}/greenhouse/devices"), json!({ "id": "pi-1" })).await.status().is_success());
    let send = format!("{at}/{LOCATION}/greenhouse/devices/pi-1:sendCommandToDevice");
    let refused: Value = post(send.clone(), json!({ "binaryData": "aGk=" })).await.json().await.unwrap();
    assert_eq!(refused["error"]["status"], "FAILED_PRECONDITION", "{refused}");
    let waits = post(send, json!({ "binaryData": "aGk=", "ttl": "60s" })).await;
    assert!(waits.status().is_success(), "{}", waits.text().await.unwrap());
    let ready: Value = Client::new().get(format!("{at}/readyz")).send().await.unwrap().json().await.unwrap();
    assert_eq!(ready["commands"], "none: no bridge, so nobody is reached");
    running.shut_down().await;
}

#[test]
fn a_process_that_sends_commands_must_say_that_there_is_no_bridge() {
    let refused = config("local:").unwrap_err().to_string();
    assert!(refused.contains("DRAWBRIDGE_COMMANDS is `local:`") && refused.contains("`none:`"), "{refused}");
}
