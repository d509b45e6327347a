//! A wrong project, a missing permission, a name that is taken, a run that was killed, a dependency that is down: one sentence that says
//! what to do, and another run completes.

use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;
use stage::{ADMIN_TOKEN, Process, START_LIMIT};

use crate::forwarder::{Then, forward};
use crate::support::{Scene, program, run};

/// Longer than any step on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

fn plant(scene: &Scene) {
    let document = json!({ "registries": [{ "id": "plant", "logLevel": "INFO", "devices": [{ "id": "lamp" }, { "id": "pump" }] }] });
    fs::write(scene.path("wanted.json"), document.to_string()).unwrap();
}

#[test]
fn an_apply_that_was_killed_is_completed_by_another_run() {
    let scene = Scene::new();
    plant(&scene);
    let (held, hold) = mpsc::channel();
    let wire = forward(scene.cloud.http, move |post| {
        if post < 3 {
            return Then::Pass;
        }
        let _heard = held.send(());
        Then::Hold
    });
    let mut apply = scene.command();
    apply.env("DRAWBRIDGE_ENDPOINT", format!("http://{wire}")).args(["apply", "wanted.json", "--yes"]);
    let mut child = apply.spawn().unwrap();
    hold.recv_timeout(LIMIT).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(scene.run("devices list --registry plant --json").json().as_array().unwrap().len(), 1, "it broke off in the middle");
    let done = scene.run("apply wanted.json --yes").ok();
    assert!(
        done.contains("Plan: 1 to create, 0 to update, 0 to delete.") && done.ends_with("Done: 1 created, 0 updated, 0 deleted.\n"),
        "{done}"
    );
    assert!(scene.run("apply wanted.json --yes").ok().starts_with("Nothing to do"));
}

#[test]
fn a_name_that_was_taken_after_the_plan_is_named_and_another_run_completes() {
    let scene = Scene::new();
    plant(&scene);
    let mut taken = scene.command();
    taken.args(["registries", "create", "plant"]);
    let taken = std::sync::Mutex::new(taken);
    let wire = forward(scene.cloud.http, move |post| {
        if post == 1 {
            assert!(taken.lock().unwrap().output().unwrap().status.success());
        }
        Then::Pass
    });
    let mut apply = scene.command();
    run(apply.env("DRAWBRIDGE_ENDPOINT", format!("http://{wire}")).args(["apply", "wanted.json", "--yes"]))
        .fails(1, &["0 of 3 steps are done; run it again", "plant", "(ALREADY_EXISTS)"]);
    let done = scene.run("apply wanted.json --yes").ok();
    assert!(done.ends_with("Done: 2 created, 1 updated, 0 deleted.\n"), "{done}");
}

#[test]
fn a_wrong_project_is_named_where_nothing_was_found() {
    let scene = Scene::with_registry();
    let list = scene.run("registries list --project demmo");
    assert!(list.err.contains("No registries in projects/demmo/locations/europe-west1. Is it this project and region?"), "{list:?}");
    scene.run("devices describe meter --project demmo").fails(1, &["(NOT_FOUND)", "--project demmo"]);
}

#[test]
fn a_missing_permission_of_an_apply_changes_nothing_and_says_whose_token_was_sent() {
    let scene = Scene::new();
    plant(&scene);
    scene
        .run("apply wanted.json --yes --admin-token wrong")
        .fails(1, &["(UNAUTHENTICATED)", "the token of --admin-token", "DRAWBRIDGE_ADMIN_TOKEN"]);
    assert_eq!(scene.run("registries list --json").json(), json!([]));
}

#[test]
fn an_installation_that_is_down_is_named_by_an_apply() {
    let scene = Scene::new();
    plant(&scene);
    scene
        .run("apply wanted.json --yes --endpoint http://127.0.0.1:1")
        .fails(1, &["no answer from http://127.0.0.1:1", "DRAWBRIDGE_ENDPOINT"]);
}

#[test]
fn a_database_that_is_down_when_up_starts_is_named_with_what_to_look_at() {
    let dir = tempfile::tempdir().unwrap();
    let mut up = program(dir.path());
    up.env("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1").env("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN);
    up.args([
        "up",
        "--http=127.0.0.1:0",
        "--mqtt=127.0.0.1:0",
        "--mqtts=127.0.0.1:0",
        "--data=d",
        "--records=firestore://my-project/records",
    ]);
    let log = dir.path().join("log");
    let mut process = Process::start("drawbridge up", &mut up, &log).unwrap();
    let said = || Ok(fs::read_to_string(&log).ok().and_then(|text| text.lines().find(|l| l.contains("do not answer")).map(str::to_owned)));
    let said = process.wait_for("say that its records are down", START_LIMIT.max(LIMIT), said).unwrap();
    assert!(said.contains("`firestore://my-project/records`") && said.contains("roles/datastore.user"), "{said}");
}

#[test]
fn a_port_that_somebody_else_has_is_named_when_up_starts() {
    let scene = Scene::new();
    let taken = scene.cloud.http.to_string();
    let up = run(program(scene.dir.path()).args(["up", "--data=other", "--mqtt=127.0.0.1:0", "--mqtts=127.0.0.1:0", "--http", &taken]));
    up.fails(1, &["--http", &taken, "in use"]);
}
