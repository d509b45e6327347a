//! `POST /v1/R/devices`.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384};
use serde_json::{Value, json};

use crate::registries::{ca, ca_json};
use crate::support::{App, P, REG, es256};

const RSA_1024: &str = include_str!("keys/rsa1024.pem");
const RSA_2048: &str = include_str!("keys/rsa2048.pem");
const P_384: &str = include_str!("keys/p384.pem");

fn key(format: &str, pem: &str) -> Value {
    json!({"publicKey": {"format": format, "key": pem}})
}

#[tokio::test]
async fn a_new_device_has_the_captured_shape() {
    let app = App::with_registry().await;
    let credential = es256();
    let created = app.create(json!({"id": "dev", "credentials": [credential], "metadata": {"room": "b"}})).await.ok();
    let expected = json!({
        "id": "dev",
        "name": "projects/p-1/locations/us-central1/registries/reg/devices/2600000000000000",
        "numId": "2600000000000000",
        "credentials": [{"publicKey": credential["publicKey"], "expirationTime": "1970-01-01T00:00:00Z"}],
        "config": {"version": "1", "cloudUpdateTime": "2026-11-20T12:00:00Z"},
        "metadata": {"room": "b"},
        "gatewayConfig": {},
    });
    assert_eq!(created, expected);
    assert_eq!(app.get(&format!("{REG}/devices/dev")).await.ok(), expected);
    assert_eq!(app.get(&format!("{REG}/devices/2600000000000000")).await.ok(), expected);
}

#[tokio::test]
async fn everything_given_is_kept_and_output_only_fields_are_not() {
    let app = App::with_registry().await;
    let created = app
        .create(json!({
            "id": "dev", "name": "other", "num_id": "7", "blocked": true, "log_level": 30, "lastEventTime": "2020-01-01T00:00:00Z",
            "config": {"binaryData": "-_8"}, "state": {"binaryData": "AA=="},
            "gatewayConfig": {"gatewayType": "GATEWAY", "gatewayAuthMethod": 3, "lastAccessedGatewayId": "x"},
            "credentials": [{"publicKey": {"format": 2, "key": es256()["publicKey"]["key"]}, "expirationTime": "2030-01-01T02:00:00+02:00"}],
        }))
        .await
        .ok();
    assert_eq!((&created["blocked"], &created["logLevel"]), (&json!(true), &json!("INFO")));
    assert_eq!(created["numId"], "2600000000000000");
    assert_eq!(created["config"]["binaryData"], "+/8=");
    assert_eq!((created.get("state"), created.get("lastEventTime")), (None, None));
    let gateway = json!({"gatewayType": "GATEWAY", "gatewayAuthMethod": "ASSOCIATION_AND_DEVICE_AUTH_TOKEN"});
    assert_eq!(created["gatewayConfig"], gateway);
    assert_eq!(created["credentials"][0]["expirationTime"], "2030-01-01T00:00:00Z");
}

#[tokio::test]
async fn ids_metadata_and_configuration_have_limits() {
    let app = App::with_registry().await;
    let pairs = |n: usize, len: usize| (0..n).map(|i| (format!("key{i}"), json!("v".repeat(len)))).collect::<serde_json::Map<_, _>>();
    for (sent, says) in [
        (json!({}), "device id ``"),
        (json!({"id": "1dev"}), "device id `1dev`"),
        (json!({"id": "ab"}), "3 to 255"),
        (json!({"id": "googdev"}), "`googdev`"),
        (json!({"id": "a/b"}), "`a/b`"),
        (json!({"id": "a\\b"}), "a\\\\b"),
        (json!({"id": "a".repeat(256)}), "3 to 255"),
        (json!({"id": "dev", "metadata": pairs(501, 1)}), "501 metadata pairs exceed the limit of 500"),
        (json!({"id": "dev", "metadata": {"1key": "v"}}), "metadata key `1key`"),
        (json!({"id": "dev", "metadata": {"k".repeat(128): "v"}}), "2 to 127 characters"),
        (json!({"id": "dev", "metadata": pairs(1, 32 * 1024 + 1)}), "32769 bytes, the limit is 32768"),
        (json!({"id": "dev", "metadata": pairs(9, 32 * 1024)}), "metadata has 294948 bytes in all, the limit is 262144"),
        (json!({"id": "dev", "config": {"version": 1}}), "config.version must be 0"),
        (json!({"id": "dev", "config": {"binaryData": edge::encode_base64(&vec![0; 65537])}}), "65537 bytes exceeds the limit of 65536"),
        (json!({"id": "dev", "config": {"binaryData": "123"}}), "Invalid value at 'config.binary_data' (TYPE_BYTES)"),
        (json!({"id": "dev", "gatewayConfig": {"gatewayType": 9}}), "Invalid JSON payload"),
    ] {
        app.create(sent).await.invalid(says);
    }
    let most = json!({"id": "a".repeat(255), "metadata": pairs(500, 1), "config": {"binaryData": edge::encode_base64(&vec![0; 65536])}});
    app.create(most).await.ok();
    app.create(json!({"id": "a-._+~%z", "metadata": pairs(1, 32 * 1024)})).await.ok();
}

#[tokio::test]
async fn keys_are_checked_when_they_are_added() {
    let app = App::with_registry().await;
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.not_after = rcgen::date_time_ymd(2026, 11, 1);
    let expired = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    let p384 = CertificateParams::new(vec![]).unwrap().self_signed(&KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()).unwrap().pem();
    for (credential, says) in [
        (key("RSA_PEM", "nonsense"), "the public key cannot be used"),
        (key("RSA_PEM", RSA_1024), "RSA of 1024 bits, at least 2048 are needed"),
        (key("ES256_PEM", RSA_2048), "the public key cannot be used"),
        (key("ES256_PEM", P_384), "384 bits, P-256 is needed"),
        (key("ES256_X509_PEM", &p384), "384 bits, P-256 is needed"),
        (key("ES256_X509_PEM", &expired), "the certificate expired at 2026-11-01"),
        (key("RSA_X509_PEM", RSA_2048), "the public key cannot be used"),
        (json!({"publicKey": {"key": RSA_2048}}), "public key format 0 is none of RSA_PEM"),
        (json!({}), "needs a public_key"),
    ] {
        let refused = app.create(json!({"id": "dev", "credentials": [es256(), credential]})).await;
        refused.invalid(says);
        let field = refused.body["error"]["details"][0]["fieldViolations"][0]["field"].as_str().unwrap();
        assert!(field.starts_with("credentials[1].public_key"), "{field}");
    }
    let four = vec![es256(); 4];
    app.create(json!({"id": "dev", "credentials": four})).await.invalid("4 credentials exceed the limit of 3");
    app.create(json!({"id": "dev", "credentials": [es256(), key("RSA_PEM", RSA_2048), key("3", RSA_2048)]})).await.invalid("Invalid JSON");
    app.create(json!({"id": "dev", "credentials": [es256(), key("RSA_PEM", RSA_2048)]})).await.ok();
}

#[tokio::test]
async fn with_a_ca_only_certificates_it_signed_are_taken() {
    let app = App::new();
    let (params, ca_key, ca_pem) = ca("root");
    let ca = params.self_signed(&ca_key).unwrap();
    app.post(&format!("{P}/registries"), json!({"id": "reg", "credentials": [ca_json(ca.pem().as_str())]})).await.ok();
    let device_key = KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::from_params(&params, &ca_key);
    let signed = CertificateParams::new(vec![]).unwrap().signed_by(&device_key, &issuer).unwrap().pem();
    let self_signed = CertificateParams::new(vec![]).unwrap().self_signed(&device_key).unwrap().pem();
    let device = |credential: Value| json!({"id": "dev", "credentials": [credential]});
    app.create(device(es256())).await.invalid("must be a certificate signed by one of them");
    app.create(device(key("ES256_X509_PEM", &self_signed))).await.invalid("not signed by any of the registry's 1 CA certificates");
    app.create(device(key("ES256_X509_PEM", &ca.pem()))).await.invalid("cannot be the CA certificate itself");
    app.create(device(key("ES256_X509_PEM", &signed))).await.ok();
    // A device without keys is no way around it, and the CA may go: what is there stays.
    app.patch(&format!("{REG}?updateMask=credentials"), json!({})).await.ok();
    app.patch(&format!("{REG}/devices/dev?updateMask=credentials"), device(es256())).await.ok();
    app.patch(&format!("{REG}?updateMask=credentials"), json!({"credentials": [ca_json(&ca_pem)]})).await.ok();
    let kept = app.get(&format!("{REG}/devices/dev")).await.ok();
    app.patch(&format!("{REG}/devices/dev?updateMask=credentials"), json!({"credentials": kept["credentials"]})).await.ok();
    app.patch(&format!("{REG}/devices/dev?updateMask=credentials"), device(es256())).await.invalid("must be a certificate signed");
}

#[tokio::test]
async fn a_name_is_taken_once_even_in_a_race() {
    let app = App::with_registry().await;
    let answers = join_all((0..16).map(|n| app.create(json!({"id": "dev", "config": {"binaryData": edge::encode_base64(&[n])}})))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 200);
    assert_eq!(won.len(), 1);
    for lost in lost {
        lost.refused(409, "ALREADY_EXISTS", "devices/dev` already exists");
    }
    assert_eq!(app.get(&format!("{REG}/devices/dev")).await.ok(), won[0].body, "the winner's configuration, not another's");
    let numbers = app.stores.device_numbers.list("", None, 99).await.unwrap().items;
    assert_eq!(numbers.len(), 1, "the losers gave their numbers back");
}

#[tokio::test]
async fn a_number_that_is_taken_is_not_given_again() {
    let app = App::with_device().await;
    let first = app.random.load(Ordering::Relaxed);
    app.random.store(600_000_000_000_000, Ordering::Relaxed);
    let second = app.create(json!({"id": "dev2"})).await.ok();
    assert_eq!(second["numId"], (2_000_000_000_000_000 + first).to_string());
    // A source that repeats itself is an error, not a loop.
    let broken = App::with_broken_random().await;
    broken.create(json!({"id": "dev"})).await.ok();
    broken.create(json!({"id": "dev2"})).await.refused(500, "INTERNAL", "random numbers failed");
    app.random.store(u64::MAX, Ordering::Relaxed);
    let number: u64 = app.create(json!({"id": "dev3"})).await.ok()["numId"].as_str().unwrap().parse().unwrap();
    assert!((2_000_000_000_000_000..3_900_000_000_000_000).contains(&number), "{number}");
}

#[tokio::test]
async fn a_registry_deleted_meanwhile_takes_the_device_with_it() {
    let uri = format!("{REG}/devices");
    for _ in 0..8 {
        let app = App::with_registry().await;
        let (created, deleted) = tokio::join!(app.post(&uri, json!({"id": "dev"})), app.delete(REG));
        let devices = app.stores.devices.list("", None, 9).await.unwrap().items.len();
        let registry = app.get(REG).await.status == 200;
        assert_eq!((created.status == 200, deleted.status == 200), (registry && devices == 1, !registry), "{created:?} {deleted:?}");
    }
    App::new().post(&uri, json!({"id": "dev"})).await.refused(404, "NOT_FOUND", "registry `projects/p-1");
}

#[tokio::test]
async fn stopped_after_any_write_it_can_be_done_again() {
    for writes in 0..4 {
        let app = App::with_registry().await;
        app.budget.store(writes, Ordering::Relaxed);
        let cut = app.create(json!({"id": "dev"})).await;
        app.budget.store(i64::MAX, Ordering::Relaxed);
        if cut.status == 503 {
            let exists = app.get(&format!("{REG}/devices/dev")).await.status == 200;
            let again = app.create(json!({"id": "dev"})).await;
            assert_eq!(again.status, if exists { 409 } else { 200 }, "after {writes} writes");
        }
        let device = app.get(&format!("{REG}/devices/dev")).await.ok();
        assert_eq!(app.get(&format!("{REG}/devices/{}", device["numId"].as_str().unwrap())).await.ok(), device);
        let first_number = app.get(&format!("{REG}/devices/2600000000000000")).await;
        assert_eq!(first_number.status == 200, first_number.body == device, "a number names its device or nobody");
    }
}
