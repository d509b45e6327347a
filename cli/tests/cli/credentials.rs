//! `drawbridge credentials`.

use serde_json::Value;

use crate::support::Scene;

#[test]
fn keys_of_a_device_change_without_a_gap() {
    let scene = Scene::with_registry();
    ["old", "new"].iter().for_each(|name| scene.make_key(name));
    scene.run("devices create meter --public-key path=old.pub.pem,type=es256").ok();
    let added =
        scene.run("credentials create --device meter --path new.pub.pem --type es256-pem --expiration-time 2036-01-01T12:00:00Z").ok();
    assert_eq!(added, "Added a credential to device `meter`; it has 2 now.\n");
    // As gcloud's table: the index first, the format next; scripts cut it out.
    let table = scene.run("devices credentials list --device meter").ok();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [vec!["INDEX", "FORMAT", "EXPIRES"], vec!["0", "ES256_PEM", "-"], vec!["1", "ES256_PEM", "2036-01-01T12:00:00Z"]]);
    scene.run("credentials delete 2 --device meter").fails(64, &["has 2 credentials", "count from 0"]);
    scene.run("credentials delete 0 --device meter --quiet").ok();
    let left = scene.run("credentials list --device meter --json").json();
    let key = std::fs::read_to_string(scene.path("new.pub.pem")).unwrap();
    assert_eq!((left.as_array().map(Vec::len), &left[0]["publicKey"]["key"]), (Some(1), &Value::from(key)));
    scene.run("credentials create --device meter --path new.pub.pem").fails(64, &["--type says what the key is", "rsa-x509-pem"]);
}

#[test]
fn without_a_device_the_credentials_are_the_registrys_certificates() {
    let scene = Scene::with_registry();
    scene.make_ca("ca");
    scene.run("credentials create --path ca.pem").ok();
    let table = scene.run("registries credentials list").ok();
    assert!(table.starts_with("INDEX  SUBJECT"), "{table}");
    let list = scene.run("credentials list --json").json();
    assert_eq!(list[0]["publicKeyCertificate"]["format"], "X509_CERTIFICATE_PEM");
    scene.run("credentials delete 0").ok();
    let none = scene.run("credentials list");
    assert!(none.err.contains("has no credentials"), "{none:?}");
}
