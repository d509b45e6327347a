//! `drawbridge configs`.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Scene, run};

#[test]
fn a_configuration_is_updated_listed_shown_and_fetched() {
    let scene = Scene::with_registry();
    scene.run("devices create meter").ok();
    let updated = run(scene.command().args(["configs", "update", "meter", "--config-data", "{\"interval\": 60}"]));
    assert_eq!(updated.ok(), "Updated the configuration of device `meter` to version 2.\n");
    fs::write(scene.path("config.bin"), [0, 159, 146, 150]).unwrap();
    scene.run("devices configs update --device meter --config_file config.bin --version_to_update 2").ok();
    let table = scene.run("configs list meter").ok();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("VERSION  CLOUD_UPDATE_TIME") && lines.len() == 4, "{table}");
    assert!(lines[1].starts_with('3') && lines[1].ends_with("(4 bytes) AJ+Slg=="), "{table}");
    assert!(lines[2].starts_with('2') && lines[2].ends_with("{\"interval\": 60}"), "{table}");
    assert_eq!(scene.run("configs list meter --limit 1 --json").json()[0]["version"], "3");
    assert_eq!(scene.run("configs get-value meter --version 2").ok(), "{\"interval\": 60}");
    let raw = scene.command().args(["configs", "get-value", "--device", "meter"]).output().unwrap();
    assert_eq!(raw.stdout, [0, 159, 146, 150]);
    assert_eq!(scene.run("configs describe meter --json").json()["version"], "3");
    assert!(scene.run("configs describe meter --version 2").ok().contains("data: {\"interval\": 60}\n"));
    scene.run("configs describe meter --version 7").fails(64, &["no such configuration", "3, 2, 1"]);
}

#[test]
fn a_version_that_is_not_the_newest_is_refused() {
    let scene = Scene::with_registry();
    scene.run("devices create meter").ok();
    scene.run("configs update meter --config-data first --version-to-update 1").ok();
    let conflict = scene.run("configs update meter --config-data late --version-to-update 1");
    conflict.fails(1, &["is at version 2", "drawbridge configs list meter --registry my-registry --project demo"]);
    assert_eq!(scene.run("configs get-value meter").ok(), "first");
    scene.run("configs update meter").fails(64, &["--config-data", "--config-file"]);
    scene.run("configs update --config-data x").fails(64, &["--device"]);
}

#[test]
fn a_configuration_comes_from_the_standard_input() {
    let scene = Scene::with_registry();
    scene.run("devices create meter").ok();
    let mut update = scene.command();
    let mut child = update.args(["configs", "update", "meter", "--config-file", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"from a pipe").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(scene.run("configs get-value meter").ok(), "from a pipe");
}
