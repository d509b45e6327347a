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

#[test]
fn roles_are_given_shown_taken_and_kept_in_a_file() {
    let scene = Scene::with_registry();
    let binding =
        |verb: &str, name: &str| format!("registries {verb}-iam-policy-binding my-registry --role roles/cloudiot.viewer --member {name}");
    let (ann, bob) = ("serviceAccount:ann@demo.iam.gserviceaccount.com", "serviceAccount:bob@demo.iam.gserviceaccount.com");
    let given = scene.run(&binding("add", ann)).ok();
    assert_eq!(given, format!("`{ann}` has roles/cloudiot.viewer on registry `my-registry` now.\n"));
    scene.run(&binding("add", bob)).ok();
    scene.run(&binding("add", bob)).ok();
    let policy = scene.run("registries get-iam-policy my-registry --json").json();
    assert_eq!(policy["bindings"], json!([{ "role": "roles/cloudiot.viewer", "members": [ann, bob] }]));
    assert!(scene.run("registries get-iam-policy my-registry").ok().contains(bob));
    std::fs::write(scene.path("policy.json"), policy.to_string()).unwrap();
    scene.run(&binding("remove", ann)).ok();
    let etag = policy["etag"].as_str().unwrap();
    scene.run(&binding("remove", ann)).fails(1, &["has no roles/cloudiot.viewer on registry `my-registry`", "get-iam-policy my-registry"]);
    let stale = scene.run("registries set-iam-policy my-registry policy.json");
    stale.fails(1, &[&format!("the one sent is `{etag}`"), "(ABORTED)", "drawbridge registries get-iam-policy my-registry --project demo"]);
    std::fs::write(scene.path("policy.json"), json!({ "bindings": policy["bindings"] }).to_string()).unwrap();
    assert_eq!(scene.run("registries set-iam-policy my-registry policy.json").ok(), "Replaced the policy of registry `my-registry`.\n");
    assert_eq!(scene.run("registries get-iam-policy my-registry --json").json()["bindings"], policy["bindings"]);
    std::fs::write(scene.path("policy.json"), "{}").unwrap();
    scene.run("registries set-iam-policy my-registry policy.json").fails(64, &["policy.json is no policy: expected {\"bindings\": […]}"]);
}

#[test]
fn a_grant_to_a_person_is_kept_and_said_to_be_none() {
    let scene = Scene::with_registry();
    let add =
        |member: &str| scene.run(&format!("registries add-iam-policy-binding my-registry --role roles/cloudiot.viewer --member {member}"));
    let person = add("user:ann@example.com");
    assert!(person.err.contains("`user:ann@example.com` is kept and grants nothing"), "{person:?}");
    assert!(add("allAuthenticatedUsers").err.is_empty());
    add("allUsers").fails(1, &["`allUsers` cannot be a member", "(INVALID_ARGUMENT)"]);
    let printed =
        scene.run("registries add-iam-policy-binding my-registry --role roles/cloudiot.viewer --member allAuthenticatedUsers --curl").ok();
    assert!(printed.contains(":getIamPolicy") && printed.contains(":setIamPolicy") && printed.contains("it needs the etag"), "{printed}");
}
