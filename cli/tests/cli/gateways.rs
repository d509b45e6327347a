//! `drawbridge gateways`.

use serde_json::json;

use crate::support::Scene;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn a_gateway_is_created_bound_listed_and_deleted() {
    let scene = Scene::with_registry();
    let made = scene.run("gateways create hub --auth_method association-only --log-level debug").ok();
    assert!(made.starts_with("Created device `hub`, number "), "{made}");
    scene.run("devices create meter").ok();
    let hub = scene.run("gateways describe hub --json").json();
    assert_eq!(hub["gatewayConfig"], json!({ "gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_ONLY" }));
    assert_eq!(scene.run("gateways bind --gateway hub --device meter").ok(), "Bound device `meter` to gateway `hub`.\n");
    let table = scene.run("gateways list").ok();
    assert_eq!(words(table.lines().next().unwrap()), ["ID", "NUM_ID", "AUTH_METHOD", "BLOCKED", "LAST_HEARTBEAT"]);
    assert_eq!((words(table.lines().nth(1).unwrap())[0], table.lines().count()), ("hub", 2));
    assert_eq!(scene.run("gateways list --device meter --json").json()[0]["id"], "hub");
    assert!(scene.run("gateways list-devices --gateway hub").ok().contains("meter"));
    scene.run("gateways delete hub").fails(1, &["devices are bound to it, `meter` for one; unbind them first"]);
    scene.run("devices delete meter").fails(1, &["it is bound to gateway `hub`"]);
    let place = "--gateway_registry my-registry --gateway-region europe-west1 --device-registry my-registry --device-region europe-west1";
    let numbers = format!("--gateway {} --device meter {place}", hub["numId"].as_str().unwrap());
    scene.run(&format!("devices gateways unbind {numbers}")).ok();
    assert_eq!(scene.run("gateways list-devices --gateway hub --json").json(), json!([]));
    assert_eq!(scene.run("gateways delete hub --quiet").ok(), "Deleted device `hub`.\n");
}

#[test]
fn a_pair_that_cannot_be_bound_is_refused() {
    let scene = Scene::with_registry();
    for device in ["meter", "lamp"] {
        scene.run(&format!("devices create {device}")).ok();
    }
    scene.run("gateways bind --gateway meter --device lamp").fails(1, &["device `meter` is not a gateway"]);
    scene.run("gateways bind --gateway none --device lamp").fails(1, &["none"]);
    let other = "projects/demo/locations/europe-west1/registries/other/devices/lamp";
    scene.run(&format!("gateways bind --gateway meter --device {other}")).fails(64, &["not in the same registry"]);
    let elsewhere = "gateways bind --gateway meter --device lamp --device-region asia-east1";
    scene.run(elsewhere).fails(64, &["not in the same registry"]);
    scene.run("gateways bind --gateway meter").fails(64, &["--device"]);
}

#[test]
fn curl_prints_the_request_of_a_binding() {
    let scene = Scene::new();
    let line = scene.run("gateways bind --gateway hub --device meter --curl").ok();
    let path = "/v1/projects/demo/locations/europe-west1/registries/my-registry:bindDeviceToGateway";
    assert!(line.contains(path) && line.contains("\"gatewayId\":\"hub\"") && line.contains("\"deviceId\":\"meter\""), "{line}");
}
