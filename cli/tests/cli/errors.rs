//! Errors say what to do next.

use crate::support::{Scene, program, run};

#[test]
fn no_server() {
    let dir = tempfile::tempdir().unwrap();
    let listing = |endpoint: &str| run(program(dir.path()).args(["registries", "list", "--region", "r", "--endpoint", endpoint]));
    listing("http://127.0.0.1:1").fails(1, &["no answer from http://127.0.0.1:1", "refused", "is `drawbridge up` running?"]);
    listing("127.0.0.1:1").fails(64, &["is no URL as in http://127.0.0.1:8080"]);
    let with_password = listing("http://admin:s3cret@127.0.0.1:1");
    assert!(!with_password.err.contains("s3cret"), "{with_password:?}");
    with_password.fails(64, &["--admin-token"]);
}

#[test]
fn the_wrong_server_and_the_wrong_scheme() {
    let scene = Scene::new();
    scene.run(&format!("registries list --endpoint {}/elsewhere", scene.endpoint())).fails(1, &["not part of this API", "--endpoint"]);
    let secure = format!("https://{}", scene.cloud.http);
    scene.run(&format!("registries list --endpoint {secure}")).fails(1, &["write http:// instead of https://"]);
}

#[test]
fn root_certificates_are_needed_for_https_alone() {
    let scene = Scene::new();
    let list = |endpoint: &str| {
        run(scene
            .command()
            .envs([("SSL_CERT_FILE", "none"), ("SSL_CERT_DIR", "none"), ("DRAWBRIDGE_ENDPOINT", endpoint)])
            .args(["registries", "list"]))
    };
    list(&scene.endpoint()).ok();
    list("https://127.0.0.1:1").fails(1, &["SSL_CERT_FILE"]);
}

#[test]
fn a_wrong_token_or_none() {
    let scene = Scene::new();
    let says = ["(UNAUTHENTICATED)", "the token of --admin-token or DRAWBRIDGE_ADMIN_TOKEN was sent", "admin_token", "--data"];
    scene.run("registries list --admin-token wrong").fails(1, &says);
    run(scene.command().env_remove("DRAWBRIDGE_ADMIN_TOKEN").args(["registries", "list"]))
        .fails(1, &["no token was sent", "--admin-token"]);
}

#[test]
fn what_is_not_there_or_there_already() {
    let scene = Scene::with_registry();
    let list_devices = "drawbridge devices list --registry my-registry --project demo --region europe-west1";
    let list_registries = "drawbridge registries list --project demo --region europe-west1";
    scene.run("devices describe meter").fails(1, &["(NOT_FOUND)", list_devices]);
    scene.run("devices create meter").ok();
    scene.run("devices create meter").fails(1, &["(ALREADY_EXISTS)", list_devices]);
    scene.run("registries describe nothing").fails(1, &["(NOT_FOUND)", list_registries]);
    scene.run("devices create meter --registry nothing").fails(1, &["(NOT_FOUND)", list_registries]);
    scene.run("registries create my-registry").fails(1, &["(ALREADY_EXISTS)", list_registries]);
    scene.run("registries delete my-registry").fails(1, &["still has devices", list_devices]);
}

#[test]
fn what_was_typed_wrong_is_64_and_nothing_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let run = |words: &str| run(program(dir.path()).args(words.split_whitespace()));
    run("registries list").fails(64, &["--region REGION", "DRAWBRIDGE_REGION"]);
    run("devices list --region r").fails(64, &["--registry REGISTRY", "DRAWBRIDGE_REGISTRY"]);
    run("registries delete .. --region r").fails(64, &["`..` is no id"]);
    run("registries describe projects/p/registries/x").fails(64, &["projects/…/locations/…/registries/…"]);
    run("registries update plant --region r").fails(64, &["nothing to update"]);
    run("registries create plant --event-notification-config topik=x").fails(64, &["`topik` is not known here; known are topic"]);
    run("registries create plant --event-notification-config subfolder=x").fails(64, &["it needs topic=TOPIC"]);
    run("registries lst").fails(64, &["list"]);
    run("devices list --page-size 501").fails(64, &["501"]);
    run("completion tcsh").fails(64, &["bash"]);
}

#[test]
fn a_flag_of_up_that_cannot_be_used_is_64_and_an_address_that_is_taken_is_1() {
    let dir = tempfile::tempdir().unwrap();
    let up = |words: &str| run(program(dir.path()).args("up --http 127.0.0.1:0 --mqtt 127.0.0.1:0".split(' ').chain(words.split(' '))));
    let free = "--mqtts 127.0.0.1:0";
    up(&format!("{free} --tls-cert none.pem --tls-key none.pem")).fails(64, &["--tls-cert `none.pem`: ", "No such file"]);
    up(&format!("{free} --log a=b=c")).fails(64, &["--log: `a=b=c` is no filter"]);
    up(&format!("{free} --commands nats://")).fails(64, &["0 NATS servers are named"]);
    let policy = up(&format!("{free} --iam-policy none.json"));
    assert_eq!(policy.err.matches("No such file").count(), 1, "said once: {policy:?}");
    policy.fails(64, &["--iam-policy none.json: "]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    up(&format!("--mqtts {}", taken.local_addr().unwrap())).fails(1, &["--mqtts", "cannot be listened on"]);
}
