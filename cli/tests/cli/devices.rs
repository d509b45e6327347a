//! `drawbridge devices`.

use std::fs;

use serde_json::json;

use crate::support::{Scene, run};

#[test]
fn a_device_is_created_from_a_key_file() {
    let scene = Scene::with_registry();
    scene.make_key("device");
    let flags = "--public_key=path=device.pub.pem,type=es256,expiration-time=2036-01-01 --metadata room=7,floor=2 --log-level=debug";
    let made = scene.run(&format!("devices create meter {flags}")).ok();
    assert!(made.starts_with("Created device `meter`, number "), "{made}");
    let meter = scene.run("devices describe meter --json").json();
    let key = fs::read_to_string(scene.path("device.pub.pem")).unwrap();
    assert_eq!(meter["credentials"][0]["publicKey"], json!({ "format": "ES256_PEM", "key": key }));
    assert_eq!(meter["credentials"][0]["expirationTime"], "2036-01-01T00:00:00Z");
    assert_eq!(meter["metadata"], json!({ "room": "7", "floor": "2" }));
    assert_eq!(meter["logLevel"], "DEBUG");
    let by_number = scene.run(&format!("devices describe {} --json", meter["numId"].as_str().unwrap())).json();
    assert_eq!(by_number, meter);
    let shown = scene.run("devices describe meter").ok();
    assert!(shown.contains("\n  room: 7\n") && shown.contains("-----BEGIN PUBLIC KEY-----\n"), "{shown}");
}

#[test]
fn a_private_key_is_refused_before_anything_is_sent() {
    let scene = Scene::with_registry();
    scene.make_key("device");
    let says = ["holds a private key", "openssl pkey -in device.key.pem -pubout"];
    scene.run("devices create meter --public-key path=device.key.pem,type=es256").fails(64, &says);
    fs::write(scene.path("empty.pem"), "").unwrap();
    scene.run("devices create meter --public-key path=empty.pem,type=es256").fails(64, &["is not PEM"]);
    scene.run("devices create meter --public-key path=none.pem,type=es256").fails(64, &["none.pem", "No such file"]);
    scene.run("devices create meter --public-key path=device.pub.pem,type=dsa").fails(64, &["type=dsa", "es256-x509-pem"]);
    assert_eq!(scene.run("devices list --json").json(), json!([]));
}

#[test]
fn devices_are_listed_changed_and_deleted() {
    let scene = Scene::with_registry();
    for device in ["meter-a", "meter-b"] {
        scene.run(&format!("devices create {device}")).ok();
    }
    scene.run("devices create hub --device-type gateway --auth-method association-only --blocked").ok();
    fs::write(scene.path("note.txt"), "wet, cold").unwrap();
    run(scene.command().args([
        "devices",
        "update",
        "meter-a",
        "--blocked",
        "--metadata",
        "^;^at=1,2;by=3",
        "--metadata-from-file",
        "note=note.txt",
    ]))
    .ok();
    let table = scene.run("devices list").ok();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "NUM_ID", "BLOCKED", "LAST_EVENT", "LAST_ERROR"]);
    assert_eq!(rows.iter().map(|row| (row[0], row[2])).collect::<Vec<_>>()[1..], [("hub", "yes"), ("meter-a", "yes"), ("meter-b", "no")]);
    let rows = scene.run("devices list --device-ids meter-a,meter-b --page-size 1 --json").json();
    assert_eq!(rows[0]["metadata"], json!({ "at": "1,2", "by": "3", "note": "wet, cold" }));
    assert_eq!((rows.as_array().unwrap().len(), &rows[1]["id"]), (2, &json!("meter-b")));
    let gateways = scene.run("devices list --device-type gateway --json").json();
    assert_eq!((&gateways[0]["id"], gateways.as_array().unwrap().len()), (&json!("hub"), 1));
    assert_eq!(gateways[0]["gatewayConfig"]["gatewayAuthMethod"], "ASSOCIATION_ONLY");
    scene.run("devices update meter-a --no-blocked --metadata=").ok();
    let meter = scene.run("devices describe meter-a --json").json();
    assert!(meter["blocked"] != true && meter["metadata"].as_object().is_none_or(serde_json::Map::is_empty), "{meter}");
    for device in ["meter-a", "meter-b", "hub"] {
        assert_eq!(scene.run(&format!("devices delete {device} --quiet")).ok(), format!("Deleted device `{device}`.\n"));
    }
    scene.run("registries delete my-registry").ok();
}
