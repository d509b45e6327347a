//! `drawbridge apply`: a plan, then the steps, then nothing to do.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::Scene;

/// What the Terraform module `registry` puts out; its own test holds it to that.
const PORTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../terraform/modules/registry/tests/greenhouse.json");

/// A registry `plant` with the devices `lamp` and `pump`.
fn plant() -> Value {
    json!({ "registries": [{
        "id": "plant",
        "eventNotificationConfigs": [{ "pubsubTopicName": "projects/demo/topics/events" }],
        "devices": [{ "id": "lamp", "metadata": { "room": "7" } }, { "id": "pump", "blocked": true }],
    }] })
}

fn write(scene: &Scene, document: &Value) {
    fs::write(scene.path("wanted.json"), document.to_string()).unwrap();
}

#[test]
fn a_file_is_planned_applied_and_then_there_is_nothing_to_do() {
    let scene = Scene::new();
    write(&scene, &plant());
    let plan = scene.run("apply wanted.json --plan").ok();
    assert_eq!(
        plan,
        "+ registries/plant\n+ registries/plant/devices/lamp\n+ registries/plant/devices/pump\nPlan: 3 to create, 0 to update, 0 to delete.\n"
    );
    assert_eq!(scene.run("registries list --json").json(), json!([]), "a plan changes nothing");
    let done = scene.run("apply wanted.json --yes").ok();
    assert!(done.ends_with("Done: 3 created, 0 updated, 0 deleted.\n"), "{done}");
    assert_eq!(scene.run("devices describe lamp --registry plant --json").json()["metadata"], json!({ "room": "7" }));
    assert_eq!(scene.run("apply wanted.json --yes").ok(), "Nothing to do: 3 resources are as the file says.\n");
}

#[test]
fn what_terraform_wrote_is_applied_and_is_not_a_change_the_second_time() {
    let scene = Scene::new();
    fs::copy(Path::new(PORTED), scene.path("wanted.json")).unwrap();
    scene.run("apply wanted.json --yes").ok();
    assert_eq!(scene.run("apply wanted.json --yes --json").json(), json!([]));
    let device = "projects/my-project/locations/europe-west1/registries/greenhouse/devices/pi-1";
    let device = scene.run(&format!("devices describe {device} --json")).json();
    assert_eq!(device["credentials"][0]["publicKey"]["format"], "ES256_PEM");
    assert_eq!(device["credentials"][0]["expirationTime"], "2036-01-01T00:00:00Z");
    let policy = scene.run("registries get-iam-policy projects/my-project/locations/europe-west1/registries/greenhouse --json").json();
    let binding = |role: &str, name: &str| {
        let member = format!("serviceAccount:{name}@my-project.iam.gserviceaccount.com");
        json!({ "role": format!("roles/cloudiot.{role}"), "members": [member] })
    };
    assert_eq!(policy["bindings"], json!([binding("deviceController", "bob"), binding("viewer", "ann")]));
}

#[test]
fn who_may_do_what_is_planned_member_by_member_and_what_the_file_does_not_name_stays() {
    let scene = Scene::new();
    let add = |role: &str, name: &str| {
        let member = format!("serviceAccount:{name}@demo.iam.gserviceaccount.com");
        scene.run(&format!("registries add-iam-policy-binding plant --role roles/cloudiot.{role} --member {member}")).ok()
    };
    write(&scene, &plant());
    scene.run("apply wanted.json --yes").ok();
    add("viewer", "ann");
    add("admin", "eve");
    assert!(scene.run("apply wanted.json --plan").ok().starts_with("Nothing to do: 3 resources"), "a file without a policy leaves it");
    let mut wanted = plant();
    wanted["registries"][0]["iamBindings"] =
        json!([{ "role": "roles/cloudiot.viewer", "members": ["serviceAccount:bob@demo.iam.gserviceaccount.com"] }]);
    write(&scene, &wanted);
    let plan = scene.run("apply wanted.json --plan").ok();
    assert_eq!(
        plan,
        "~ IAM policy of registries/plant\n    - roles/cloudiot.viewer: serviceAccount:ann@demo.iam.gserviceaccount.com\n    \
         + roles/cloudiot.viewer: serviceAccount:bob@demo.iam.gserviceaccount.com\nPlan: 0 to create, 1 to update, 0 to delete.\n"
    );
    scene.run("apply wanted.json --yes").ok();
    assert!(scene.run("apply wanted.json --yes").ok().starts_with("Nothing to do: 4 resources"));
    let policy = scene.run("registries get-iam-policy plant --json").json();
    let roles: Vec<_> = policy["bindings"].as_array().unwrap().iter().map(|binding| binding["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["roles/cloudiot.admin", "roles/cloudiot.viewer"]);
    wanted["registries"][0]["iamBindings"][0]["condition"] = json!({});
    write(&scene, &wanted);
    scene.run("apply wanted.json --plan").fails(64, &["`iamBindings` of registry `plant`: unknown field `condition`"]);
}

#[test]
fn a_change_is_shown_field_by_field_and_what_the_file_does_not_name_stays() {
    let scene = Scene::new();
    write(&scene, &plant());
    scene.run("apply wanted.json --yes").ok();
    scene.run("devices update lamp --registry plant --log-level debug").ok();
    let mut changed = plant();
    changed["registries"][0]["devices"][0]["metadata"] = json!({ "room": "8" });
    changed["registries"][0]["httpConfig"] = json!({ "httpEnabledState": "HTTP_DISABLED" });
    write(&scene, &changed);
    let done = scene.run("apply wanted.json --yes").ok();
    assert!(done.contains("~ registries/plant/devices/lamp\n    metadata: {\"room\":\"7\"} -> {\"room\":\"8\"}\n"), "{done}");
    assert!(done.contains("~ registries/plant\n    httpConfig: "), "{done}");
    assert!(done.ends_with("Done: 0 created, 2 updated, 0 deleted.\n"), "{done}");
    let device = scene.run("devices describe lamp --registry plant --json").json();
    assert_eq!((&device["metadata"]["room"], &device["logLevel"]), (&json!("8"), &json!("DEBUG")));
}

#[test]
fn what_broke_off_is_completed_by_another_run() {
    let scene = Scene::new();
    let mut broken = plant();
    broken["registries"][0]["devices"][1]["credentials"] = json!([{ "publicKey": { "format": "ES256_PEM", "key": "no key" } }]);
    write(&scene, &broken);
    scene.run("apply wanted.json --yes").fails(1, &["2 of 3 steps are done; run it again"]);
    write(&scene, &plant());
    let done = scene.run("apply wanted.json --yes").ok();
    assert_eq!(
        done,
        "+ registries/plant/devices/pump\nPlan: 1 to create, 0 to update, 0 to delete.\nDone: 1 created, 0 updated, 0 deleted.\n"
    );
}

#[test]
fn nothing_is_deleted_without_prune() {
    let scene = Scene::new();
    write(&scene, &plant());
    scene.run("apply wanted.json --yes").ok();
    scene.run("registries create old").ok();
    scene.run("devices create of-old --registry old").ok();
    let mut fewer = plant();
    fewer["registries"][0]["devices"].as_array_mut().unwrap().pop();
    write(&scene, &fewer);
    let kept = scene.run("apply wanted.json --yes").ok();
    assert!(kept.contains("2 more are there that the file does not name; --prune deletes them."), "{kept}");
    assert_eq!(scene.run("devices list --registry plant --json").json().as_array().unwrap().len(), 2);
    let pruned = scene.run("apply wanted.json --yes --prune").ok();
    assert!(pruned.starts_with("- registries/plant/devices/pump\n- registries/old/devices/of-old\n- registries/old\n"), "{pruned}");
    assert_eq!(scene.run("registries list --json").json().as_array().unwrap().len(), 1);
    assert!(scene.run("apply wanted.json --yes --prune").ok().starts_with("Nothing to do"));
}

#[test]
fn nobody_to_ask_is_no_yes() {
    let scene = Scene::new();
    write(&scene, &plant());
    scene.run("apply wanted.json").fails(64, &["nothing was changed", "--yes"]);
    assert_eq!(scene.run("registries list --json").json(), json!([]));
}

#[test]
fn a_word_that_nobody_knows_is_refused_before_anything_is_sent() {
    let scene = Scene::new();
    let refused = |document: Value, says: &[&str]| {
        write(&scene, &document);
        scene.run("apply wanted.json --yes").fails(64, says);
    };
    refused(json!({ "registrys": [] }), &["wanted.json", "`registrys`", "known are registries"]);
    refused(json!({ "registries": [{ "id": "plant", "logLevl": "INFO" }] }), &["registry `plant`", "`logLevl`", "logLevel"]);
    refused(json!({ "registries": [{ "id": "plant", "devices": [{ "id": "lamp", "keys": [] }] }] }), &["device `lamp`", "`keys`"]);
    refused(
        json!({ "registries": [{ "id": "plant", "devices": [{ "id": "lamp" }, { "id": "lamp" }] }] }),
        &["device `lamp` is there twice"],
    );
    refused(json!({ "registries": [{ "logLevel": "INFO" }] }), &["neither `id` nor `name`"]);
    let key = json!([{ "publicKey": { "format": "ES256_PEM", "key": "-----BEGIN EC PRIVATE KEY-----" } }]);
    refused(json!({ "registries": [{ "id": "plant", "devices": [{ "id": "lamp", "credentials": key }] }] }), &["holds a private key"]);
    assert_eq!(scene.run("registries list --json").json(), json!([]));
}
