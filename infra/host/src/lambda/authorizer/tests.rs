//! What AWS IoT cannot carry, in the record of the device; what a question shows.

use infra_local::SystemClock;

use super::super::captured::Log;
use super::*;

const REGISTRY: &str = "projects/p/locations/l/registries/reg";

fn authorizer() -> Authorizer {
    let (stores, clock): (_, Arc<dyn Clock>) = (infra_local::memory_stores(), Arc::new(SystemClock));
    let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
    Authorizer { statuses, stores, clock, refusals: Refusals::default() }
}

fn question(client_id: &str) -> Question {
    let password = STANDARD.encode("no token");
    serde_json::from_value(json!({ "protocolData": { "mqtt": { "clientId": client_id, "password": password } } })).unwrap()
}

/// The message of the device's last error, after somebody came by `client_id`.
async fn last_error(authorizer: &Authorizer, id: &str, client_id: &str) -> Option<String> {
    let answer = authorizer.answer(question(client_id), "function-arn").await.unwrap();
    assert_eq!(answer, json!({ "isAuthenticated": false }));
    let status = authorizer.stores.statuses.get(&format!("{REGISTRY}/devices/{id}")).await.unwrap();
    status.and_then(|status| status.value.last_error).map(|error| error.message)
}

#[tokio::test]
async fn what_aws_iot_cannot_carry_is_refused_with_its_limit_in_the_devices_last_error() {
    let long = "d".repeat(100);
    for (id, named, says) in [
        (long.as_str(), long.as_str(), "of 146 bytes exceeds the limit of AWS IoT, 128 bytes"),
        ("pi-1", "7", "client id ends with the number 7: at AWS IoT it must end with the device id"),
        ("a+b", "a+b", "device id `a+b` has a `+`"),
    ] {
        let authorizer = authorizer();
        let device = fixture::device(fixture::device_key(REGISTRY, id), 7, vec![]);
        fixture::keep(&authorizer.stores, &device).await;
        let said = last_error(&authorizer, id, &format!("{REGISTRY}/devices/{named}")).await.unwrap();
        assert!(said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn a_device_that_is_not_there_has_no_last_error_written() {
    let authorizer = authorizer();
    for id in ["a+b", "9"] {
        assert_eq!(last_error(&authorizer, id, &format!("{REGISTRY}/devices/{id}")).await, None);
    }
    assert_eq!(last_error(&authorizer, "sensor", "sensor").await, None);
}

#[tokio::test]
async fn a_device_that_is_refused_again_and_again_is_one_line_for_each_reason() {
    let (authorizer, (log, _guard)) = (authorizer(), Log::start());
    for id in ["pi-1", "pi-2"] {
        fixture::keep(&authorizer.stores, &fixture::device(fixture::device_key(REGISTRY, id), 7, vec![])).await;
    }
    for _ in 0..50 {
        for client_id in [format!("{REGISTRY}/devices/pi-1"), format!("{REGISTRY}/devices/pi-2"), "sensor".into()] {
            authorizer.answer(question(&client_id), "function-arn").await.unwrap();
        }
        authorizer.answer(Question { protocol_data: None }, "function-arn").await.unwrap();
    }
    let lines = log.lines();
    let says = ["the token is not a device JWT", "the token is not a device JWT", "client id: ", "only MQTT is let in"];
    assert_eq!(lines.len(), says.len(), "{lines:#?}");
    assert!(lines.iter().zip(says).all(|(line, says)| line.contains(says)), "{lines:#?}");
}

#[test]
fn a_question_never_shows_the_token() {
    let asked = json!({ "protocolData": { "mqtt": { "clientId": "c", "password": "aHVzaA==", "username": "u" } }, "protocols": ["mqtt"] });
    let question: Question = serde_json::from_value(asked).unwrap();
    assert!(!format!("{question:?}").contains("aHVzaA"), "{question:?}");
}
