//! `drawbridge registries`.

use serde_json::json;

use crate::support::Scene;

#[test]
fn a_registry_is_created_shown_listed_changed_and_deleted() {
    let scene = Scene::new();
    let empty = scene.run("registries list");
    assert!(empty.err.contains("drawbridge registries create"), "{empty:?}");
    assert_eq!(empty.ok(), "");
    assert_eq!(scene.run("registries create plant --log-level info").ok(), "Created registry `plant`.\n");
    let routes = "--event-notification-config topic=alarms,subfolder=alarm --event-notification-config topic=projects/other/topics/all";
    scene.run(&format!("registries update plant {routes} --state-pubsub-topic states --no-enable-http-config")).ok();
    let plant = scene.run("registries describe plant --json").json();
    let expected = json!([
        { "pubsubTopicName": "projects/demo/topics/alarms", "subfolderMatches": "alarm" },
        { "pubsubTopicName": "projects/other/topics/all" },
    ]);
    assert_eq!(plant["eventNotificationConfigs"], expected);
    assert_eq!(plant["stateNotificationConfig"]["pubsubTopicName"], "projects/demo/topics/states");
    assert_eq!((&plant["httpConfig"]["httpEnabledState"], &plant["logLevel"]), (&json!("HTTP_DISABLED"), &json!("INFO")));
    let table = scene.run("registries list").ok();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "MQTT", "HTTP", "EVENTS_TO"]);
    assert_eq!(rows[1], ["plant", "MQTT_ENABLED", "HTTP_DISABLED", "projects/demo/topics/alarms,projects/other/topics/all"]);
    assert!(scene.run("registries describe plant").ok().starts_with("id: plant\nname: projects/demo/"));
    assert_eq!(scene.run("registries delete plant").ok(), "Deleted registry `plant`.\n");
    assert_eq!(scene.run("registries list --format json").json(), json!([]));
}

#[test]
fn the_last_of_two_opposite_switches_counts() {
    let scene = Scene::new();
    scene.run("registries create plant --no-enable-mqtt-config --enable-mqtt-config --enable_http_config --no_enable_http_config").ok();
    let plant = scene.run("registries describe plant --json").json();
    assert_eq!(plant["mqttConfig"]["mqttEnabledState"], "MQTT_ENABLED");
    assert_eq!(plant["httpConfig"]["httpEnabledState"], "HTTP_DISABLED");
}

#[test]
fn a_list_is_read_page_by_page_up_to_its_limit() {
    let scene = Scene::new();
    for number in 1..=5 {
        scene.run(&format!("registries create plant-{number}")).ok();
    }
    let ids = |flags: &str| {
        let rows = scene.run(&format!("registries list --json {flags}")).json();
        rows.as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("--page-size 2"), ["plant-1", "plant-2", "plant-3", "plant-4", "plant-5"]);
    assert_eq!(ids("--page-size 2 --limit 3"), ["plant-1", "plant-2", "plant-3"]);
    assert_eq!(ids("--limit 1").len(), 1);
}

#[test]
fn a_full_name_goes_before_project_and_region() {
    let scene = Scene::new();
    scene.run("registries create projects/other/locations/us-central1/registries/plant").ok();
    let found = scene.run("registries list --project other --region us-central1 --json").json();
    assert_eq!(found[0]["name"], "projects/other/locations/us-central1/registries/plant");
}
