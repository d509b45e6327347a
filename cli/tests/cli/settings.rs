//! Where settings come from, and what does not get out.

use std::fs;

use stage::ADMIN_TOKEN;

use crate::support::{Scene, program, run};

#[test]
fn an_unknown_variable_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let run = run(program(dir.path()).env("DRAWBRIDGE_REGOIN", "x").args(["registries", "list"]));
    run.fails(64, &["environment variable `DRAWBRIDGE_REGOIN` is not known; did you mean `DRAWBRIDGE_REGION`?"]);
}

#[test]
fn a_profile_holds_what_is_not_typed() {
    let scene = Scene::with_registry();
    let profile = |more: &str| format!("endpoint = \"{}\"\nproject = \"demo\"\nregion = \"europe-west1\"\n{more}", scene.endpoint());
    let own = scene.path(".config/drawbridge/profile.toml");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, profile(&format!("registry = \"my-registry\"\nadmin_token = \"{ADMIN_TOKEN}\""))).unwrap();
    run(program(scene.dir.path()).args(["devices", "create", "meter"])).ok();
    // A file that is named goes before it, a flag before that.
    fs::write(scene.path("token"), format!("{ADMIN_TOKEN}\n")).unwrap();
    fs::write(scene.path("other.toml"), profile("registry = \"nothing\"\nadmin_token_file = \"token\"")).unwrap();
    let other = |words: &str| run(program(scene.dir.path()).env("DRAWBRIDGE_PROFILE", "other.toml").args(words.split(' ')));
    other("devices list").fails(1, &["registries/nothing` was not found"]);
    assert_eq!(other("devices list --registry my-registry --json").json()[0]["id"], "meter");
    fs::write(scene.path("other.toml"), format!("admin_tokn = \"{ADMIN_TOKEN}\"")).unwrap();
    other("devices list").fails(64, &["profile other.toml, line 1", "`admin_tokn`", "`admin_token`"]);
    run(program(scene.dir.path()).args(["devices", "list", "--profile", "none.toml"])).fails(64, &["none.toml"]);
}

#[test]
fn the_data_folders_token_serves_this_machine_alone() {
    let scene = Scene::new();
    fs::create_dir(scene.path("drawbridge-data")).unwrap();
    fs::write(scene.path("drawbridge-data/admin-token"), ADMIN_TOKEN).unwrap();
    let list = |endpoint: &str| {
        let words = ["registries", "list", "--region", "europe-west1", "--project", "demo", "--endpoint", endpoint];
        run(program(scene.dir.path()).args(words).env("HTTP_PROXY", "http://127.0.0.1:1"))
    };
    list(&scene.endpoint()).ok();
    list(&format!("http://localhost:{}", scene.cloud.http.port())).ok();
    fs::write(scene.path("drawbridge-data/admin-token"), "other").unwrap();
    list(&scene.endpoint()).fails(1, &["the token of drawbridge-data/admin-token was sent"]);
}

#[test]
fn curl_prints_the_request_that_does_the_same() {
    let scene = Scene::with_registry();
    let words = ["devices", "create", "meter", "--metadata", "note=it's", "--curl"];
    let line = run(scene.command().args(words)).ok();
    assert!(line.starts_with("curl -sS -X POST -H \"authorization: Bearer $DRAWBRIDGE_ADMIN_TOKEN\" "), "{line}");
    assert!(!line.contains(ADMIN_TOKEN), "{line}");
    scene.run("devices describe meter").fails(1, &["NOT_FOUND"]);
    // The line is one for a shell, which knows the token.
    let sent = run(std::process::Command::new("sh").args(["-c", &line]).env("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN));
    assert_eq!(sent.json()["metadata"]["note"], "it's");
    for words in [
        "devices list --limit 3",
        "registries delete my-registry",
        "configs update meter --config-data x",
        "credentials list --device meter",
    ] {
        let line = scene.run(&format!("{words} --curl")).ok();
        assert!(line.contains(&format!("{}/v1/projects/demo/locations/europe-west1/registries/my-registry", scene.endpoint())), "{line}");
        assert!(!line.contains(ADMIN_TOKEN), "{line}");
    }
    let deletion = scene.run("credentials delete 0 --device meter --curl").ok();
    assert!(deletion.contains("\n# The next request replaces the list") && deletion.contains("updateMask=credentials"), "{deletion}");
}
