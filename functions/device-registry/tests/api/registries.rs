//! `/v1/P/registries` and `/v1/R`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{App, P, REG};

fn registries() -> String {
    format!("{P}/registries")
}

/// A CA certificate and the key it was made with.
pub(crate) fn ca(name: &str) -> (rcgen::CertificateParams, rcgen::KeyPair, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (params, key, pem)
}

pub(crate) fn ca_json(pem: &str) -> Value {
    json!({"publicKeyCertificate": {"format": "X509_CERTIFICATE_PEM", "certificate": pem}})
}

#[tokio::test]
async fn a_new_registry_has_the_captured_defaults() {
    let app = App::new();
    let created = app.post(&registries(), json!({"id": "reg"})).await.ok();
    let expected = json!({
        "id": "reg",
        "name": "projects/p-1/locations/us-central1/registries/reg",
        "mqttConfig": {"mqttEnabledState": "MQTT_ENABLED"},
        "httpConfig": {"httpEnabledState": "HTTP_ENABLED"},
        "stateNotificationConfig": {},
    });
    assert_eq!(created, expected);
    assert_eq!(app.get(REG).await.ok(), expected);
}

#[tokio::test]
async fn everything_given_is_kept() {
    let app = App::new();
    let (_, _, pem) = ca("root");
    let sent = json!({
        "id": "full",
        "eventNotificationConfigs": [
            {"pubsubTopicName": "projects/p-1/topics/alarms", "subfolderMatches": "alarms"},
            {"pubsubTopicName": "projects/p-1/topics/audit", "fanOut": true},
        ],
        "stateNotificationConfig": {"pubsubTopicName": "projects/p-1/topics/states"},
        "mqttConfig": {"mqttEnabledState": 2},
        "http_config": {"http_enabled_state": "HTTP_DISABLED"},
        "logLevel": "DEBUG",
        "credentials": [ca_json(&pem)],
        "objectRules": [
            {"path": "gs://files/firmware/", "access": "READ"},
            {"path": "gs://files/logs/{registryId}/{deviceId}/", "access": "READ_WRITE"},
        ],
    });
    let got = app.post(&registries(), sent.clone()).await.ok();
    assert_eq!(got["eventNotificationConfigs"], sent["eventNotificationConfigs"]);
    assert_eq!(got["stateNotificationConfig"], sent["stateNotificationConfig"]);
    assert_eq!(got["mqttConfig"]["mqttEnabledState"], "MQTT_DISABLED");
    assert_eq!(got["httpConfig"]["httpEnabledState"], "HTTP_DISABLED");
    assert_eq!(got["logLevel"], "DEBUG");
    assert_eq!(got["objectRules"], sent["objectRules"]);
    let details = &got["credentials"][0]["publicKeyCertificate"]["x509Details"];
    assert_eq!((details["issuer"].as_str(), details["publicKeyType"].as_str()), (Some("CN=root"), Some("EC")));
    assert!(details["expiryTime"].as_str().unwrap().ends_with('Z'), "{details}");
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_by_name() {
    let app = App::new();
    let topic = json!({"pubsubTopicName": "projects/p-1/topics/topic"});
    let (_, _, pem) = ca("root");
    for (sent, says) in [
        (json!({}), "registry id ``"),
        (json!({"id": "1abc"}), "registry id `1abc`"),
        (json!({"id": "ab"}), "3 to 255"),
        (json!({"id": "googreg"}), "`googreg`"),
        (json!({"id": "a".repeat(256)}), "3 to 255"),
        (json!({"id": "abc", "eventNotificationConfigs": [{"pubsubTopicName": "topic"}]}), "`topic` is not a topic name"),
        (json!({"id": "abc", "eventNotificationConfigs": vec![topic; 11]}), "11 event notification configs exceed the limit of 10"),
        (
            json!({"id": "abc", "eventNotificationConfigs": [{"pubsubTopicName": "projects/p/topics/topic", "subfolderMatches": "/x"}]}),
            "subfolder `/x`",
        ),
        (json!({"id": "abc", "stateNotificationConfig": {"pubsubTopicName": "x"}}), "`x` is not a topic name"),
        (json!({"id": "abc", "credentials": vec![ca_json(&pem); 11]}), "11 CA certificates exceed the limit of 10"),
        (json!({"id": "abc", "credentials": [ca_json("x")]}), "the certificate cannot be used"),
        (json!({"id": "abc", "credentials": [{"publicKeyCertificate": {"certificate": pem}}]}), "is not X509_CERTIFICATE_PEM"),
        (json!({"id": "abc", "credentials": [{}]}), "needs a public_key_certificate"),
        (json!({"id": "abc", "objectRules": [{"path": "gs://files/firmware"}]}), "object rule `gs://files/firmware` is not valid"),
        (json!({"id": "abc", "objectRules": [{"path": "gs://files/all/", "access": "WRITE"}]}), "to keep them apart"),
        (json!({"id": "abc", "objectRules": vec![json!({"path": "gs://files/"}); 11]}), "11 object rules exceed the limit of 10"),
        (json!({"id": "abc", "logLevel": "LOUD"}), "Invalid JSON payload received"),
        (json!({"id": "abc", "logLevel": 7}), "Invalid JSON payload received"),
    ] {
        app.post(&registries(), sent).await.invalid(says);
    }
    let refused = app.post(&registries(), json!({"id": "abc", "eventNotificationConfigs": [{}]})).await;
    refused.invalid("topic name");
    assert_eq!(refused.body["error"]["details"][0]["@type"], "type.googleapis.com/google.rpc.BadRequest");
    assert_eq!(refused.body["error"]["details"][0]["fieldViolations"][0]["field"], "event_notification_configs[0].pubsub_topic_name");
}

#[tokio::test]
async fn an_expired_ca_is_refused_when_added_and_stays_when_there() {
    let app = App::new();
    let (mut params, key, pem) = ca("old");
    app.post(&registries(), json!({"id": "reg", "credentials": [ca_json(&pem)]})).await.ok();
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let expired = params.self_signed(&key).unwrap().pem();
    let uri = format!("{REG}?updateMask=credentials");
    app.patch(&uri, json!({"credentials": [ca_json(&expired)]})).await.invalid("it expired at 2020-01-01");
    // 4096-01-01: the first certificate has expired too by now.
    app.clock.set(67_090_000_000);
    app.patch(&uri, json!({"credentials": [ca_json(&pem)]})).await.ok();
}

#[tokio::test]
async fn a_name_is_taken_once_even_in_a_race() {
    let app = App::new();
    let uri = registries();
    let answers = join_all((0..8).map(|_| app.post(&uri, json!({"id": "reg"})))).await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    for lost in answers.into_iter().filter(|a| a.status != 200) {
        lost.refused(409, "ALREADY_EXISTS", "registry `projects/p-1/locations/us-central1/registries/reg` already exists");
    }
}

#[tokio::test]
async fn unknown_is_404_and_a_bad_name_400() {
    let app = App::new();
    app.get(REG).await.refused(404, "NOT_FOUND", "registries/reg");
    app.patch(&format!("{REG}?updateMask=logLevel"), json!({})).await.refused(404, "NOT_FOUND", "registries/reg");
    app.delete(REG).await.refused(404, "NOT_FOUND", "registries/reg");
    app.get(&format!("{P}/registries/1x")).await.invalid("`1x`");
}

#[tokio::test]
async fn a_patch_changes_what_its_mask_names() {
    let app = App::with_registry().await;
    let topic = json!([{"pubsubTopicName": "projects/p-1/topics/events"}]);
    for mask in ["eventNotificationConfigs", "event_notification_configs", "event_notification_config"] {
        let body = json!({"eventNotificationConfigs": topic, "logLevel": "DEBUG"});
        let got = app.patch(&format!("{REG}?updateMask={mask}&$alt=json;enum-encoding=int"), body).await.ok();
        assert_eq!((&got["eventNotificationConfigs"], got.get("logLevel")), (&topic, None), "{mask}");
        let got = app.patch(&format!("{REG}?updateMask={mask}"), json!({})).await.ok();
        assert_eq!(got.get("eventNotificationConfigs"), None, "named and absent means default");
    }
    let got = app
        .patch(
            &format!("{REG}?updateMask=httpConfig.httpEnabledState,logLevel"),
            json!({"httpConfig": {"httpEnabledState": 2}, "logLevel": 30}),
        )
        .await
        .ok();
    assert_eq!((&got["httpConfig"]["httpEnabledState"], &got["logLevel"]), (&json!("HTTP_DISABLED"), &json!("INFO")));
    let got = app.patch(&format!("{REG}?updateMask=http_config"), json!({})).await.ok();
    assert_eq!((&got["httpConfig"]["httpEnabledState"], &got["logLevel"]), (&json!("HTTP_ENABLED"), &json!("INFO")));
}

#[tokio::test]
async fn object_rules_are_set_and_emptied_by_a_patch() {
    let app = App::with_registry().await;
    let uri = format!("{REG}?updateMask=objectRules");
    let got = app.patch(&uri, json!({"object_rules": [{"path": "gs://files/{deviceNumId}/", "access": 2}]})).await.ok();
    assert_eq!(got["objectRules"], json!([{"path": "gs://files/{deviceNumId}/", "access": "WRITE"}]));
    app.patch(&uri, json!({"objectRules": [{"path": "gs://files/../"}]})).await.invalid("`gs://files/../`");
    assert_eq!(app.get(REG).await.ok()["objectRules"], got["objectRules"], "a refused patch changes nothing");
    assert_eq!(app.patch(&uri, json!({})).await.ok().get("objectRules"), None);
}

#[tokio::test]
async fn service_accounts_of_a_registry_and_of_a_device_are_set_and_emptied() {
    let app = App::with_device().await;
    let accounts = json!(["fleet@p.iam.gserviceaccount.com"]);
    let device = format!("{REG}/devices/dev");
    for resource in [REG, &device] {
        let uri = format!("{resource}?updateMask=serviceAccounts");
        app.patch(&uri, json!({"serviceAccounts": accounts})).await.ok();
        app.patch(&uri, json!({"service_accounts": ["nobody"]})).await.invalid("`nobody` is not a service account");
        app.patch(&uri, json!({"serviceAccounts": vec!["a@b.c"; 11]})).await.invalid("11 service accounts exceed the limit of 10");
        assert_eq!(app.get(resource).await.ok()["serviceAccounts"], accounts, "a refused patch changes nothing");
        assert_eq!(app.patch(&uri, json!({})).await.ok().get("serviceAccounts"), None);
    }
    app.create(json!({"id": "own", "serviceAccounts": accounts})).await.ok();
    assert_eq!(app.get(&format!("{REG}/devices/own?fieldMask=serviceAccounts")).await.ok()["serviceAccounts"], accounts);
    assert_eq!(app.get(&format!("{REG}/devices/own?fieldMask=blocked")).await.ok().get("serviceAccounts"), None);
}

#[tokio::test]
async fn a_patch_without_mask_or_of_what_is_fixed_is_refused() {
    let app = App::with_registry().await;
    app.patch(REG, json!({"logLevel": "DEBUG"})).await.invalid("update_mask must name");
    app.patch(&format!("{REG}?updateMask="), json!({})).await.invalid("update_mask must name");
    for field in ["id", "name", "nonsense"] {
        app.patch(&format!("{REG}?updateMask={field}"), json!({})).await.invalid(&format!("`{field}` is immutable"));
    }
}

#[tokio::test]
async fn a_registry_with_devices_stays() {
    let app = App::with_device().await;
    app.delete(REG).await.refused(400, "FAILED_PRECONDITION", "still has devices, `dev`");
    app.delete(&format!("{REG}/devices/dev")).await.ok();
    assert_eq!(app.delete(REG).await.ok(), json!({}));
    app.get(REG).await.refused(404, "NOT_FOUND", "reg");
}

#[tokio::test]
async fn a_location_lists_its_registries_in_pages() {
    let app = App::new();
    for id in ["aaa", "bbb", "ccc"] {
        app.post(&registries(), json!({"id": id})).await.ok();
        app.post("/v1/projects/p-1/locations/us-central1-b/registries", json!({"id": id})).await.ok();
    }
    let ids = |page: &Value| page["deviceRegistries"].as_array().unwrap().iter().map(|r| r["id"].clone()).collect::<Vec<_>>();
    let first = app.get(&format!("{P}/registries?pageSize=2")).await.ok();
    assert_eq!(ids(&first), ["aaa", "bbb"]);
    let second = app.get(&format!("{P}/registries?pageSize=2&pageToken={}", first["nextPageToken"].as_str().unwrap())).await.ok();
    assert_eq!((ids(&second), second.get("nextPageToken")), (vec![json!("ccc")], None));
    assert_eq!(app.get("/v1/projects/p-2/locations/us-central1/registries").await.ok(), json!({}));
    app.get(&format!("{P}/registries?pageToken=%25")).await.invalid("page_token `%`");
    let elsewhere = format!("/v1/projects/p-1/locations/us-central1-b/registries?pageToken={}", first["nextPageToken"].as_str().unwrap());
    app.get(&elsewhere).await.invalid("is of another listing");
    app.get(&format!("{P}/registries?pageSize=-1")).await.invalid("page_size -1");
    app.get(&format!("{P}/registries?pageSize=many")).await.invalid("\"many\"");
}
