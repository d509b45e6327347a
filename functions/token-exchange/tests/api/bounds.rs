//! What a token is held to: service accounts of registry and device, object rules, and where the device is.

use domain::objects::{Access, Folder, ObjectRule};
use domain::ports::Expect;
use domain::token::Issued;
use serde_json::json;

use crate::support::{App, DEV, NOON, NUM_ID, OTHER, PUBSUB, REGISTRY, signed};

const READ: &str = "https://www.googleapis.com/auth/devstorage.read_only";
const FLEET: &str = "fleet@p.iam.gserviceaccount.com";
const OWN: &str = "own@p.iam.gserviceaccount.com";

fn rule(path: &str, access: Access) -> ObjectRule {
    ObjectRule { path: path.into(), access }
}

fn folder(prefix: &str, access: Access) -> Folder {
    Folder { bucket: "files".into(), prefix: prefix.into(), access }
}

#[tokio::test]
async fn a_registry_allows_service_accounts_and_a_device_goes_before_it_from_the_next_request_on() {
    let app = App::new().await;
    let jwt = app.good();
    let ask = |account: &str| app.generate(DEV, &jwt, json!({"scope": PUBSUB, "serviceAccount": account}));
    let refused = |account: &str| format!("may not act as `{account}`");
    ask(FLEET).await.refused(403, "PERMISSION_DENIED", &refused(FLEET));
    app.registry(|r| r.service_accounts = vec![FLEET.parse().unwrap()]).await;
    assert_eq!(ask(FLEET).await.ok()["access_token"], "account-1");
    let others = signed(&app.other_key, &json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600}));
    app.generate(OTHER, &others, json!({"scope": PUBSUB, "serviceAccount": OWN})).await.refused(403, "PERMISSION_DENIED", &refused(OWN));
    app.device(|d| d.service_accounts = vec![OWN.parse().unwrap()]).await;
    ask(FLEET).await.refused(403, "PERMISSION_DENIED", &refused(FLEET));
    assert_eq!(ask(OWN).await.ok()["access_token"], "account-2");
    app.device(|d| d.service_accounts.clear()).await;
    app.registry(|r| r.service_accounts.clear()).await;
    for account in [FLEET, OWN] {
        ask(account).await.refused(403, "PERMISSION_DENIED", &refused(account));
    }
}

#[tokio::test]
async fn a_token_for_cloud_storage_is_held_to_the_devices_own_folders() {
    let app = App::new().await;
    app.registry(|r| {
        r.object_rules = vec![rule("gs://files/fw/", Access::Read), rule("gs://files/{deviceId}/{deviceNumId}/", Access::ReadWrite)];
        r.service_accounts = vec![FLEET.parse().unwrap()];
    })
    .await;
    let jwt = app.good();
    let ask = |body| app.generate(DEV, &jwt, body);
    assert_eq!(ask(json!({"scope": READ})).await.ok()["access_token"], "bounded-1");
    let own = folder(&format!("dev/{NUM_ID}/"), Access::ReadWrite);
    let expected = ("federated-1".to_owned(), vec![folder("fw/", Access::Read), own]);
    assert_eq!(app.issuer.bounds.lock().unwrap()[0], expected);
    assert_eq!(ask(json!({"scope": READ, "serviceAccount": FLEET})).await.ok()["access_token"], "bounded-2");
    assert_eq!(app.issuer.bounds.lock().unwrap()[1].0, "account-1");
    assert_eq!(ask(json!({"scope": PUBSUB})).await.ok()["access_token"], "federated-3", "no boundary on what is not storage");
    let others = signed(&app.other_key, &json!({"aud": "p-1", "iat": NOON, "exp": NOON + 600}));
    app.generate(OTHER, &others, json!({"scope": READ})).await.ok();
    assert_eq!(app.issuer.bounds.lock().unwrap()[2].1[1], folder(&format!("other/{}/", NUM_ID + 1), Access::ReadWrite));
}

#[tokio::test]
async fn a_rule_that_is_taken_away_takes_the_cached_token_with_it() {
    let app = App::new().await;
    app.registry(|r| r.object_rules = vec![rule("gs://files/fw/", Access::Read), rule("gs://files/more/", Access::Read)]).await;
    let jwt = app.good();
    let ask = || app.generate(DEV, &jwt, json!({"scope": READ}));
    assert_eq!(ask().await.ok()["access_token"], "bounded-1");
    assert_eq!(ask().await.ok()["access_token"], "bounded-1", "cached");
    app.registry(|r| r.object_rules.truncate(1)).await;
    assert_eq!(ask().await.ok()["access_token"], "bounded-2");
    assert_eq!(app.issuer.bounds.lock().unwrap()[1].1, [folder("fw/", Access::Read)]);
}

#[tokio::test]
async fn a_scope_that_opens_storage_beside_other_things_is_refused_where_there_are_rules() {
    let app = App::new().await;
    let (jwt, cloud) = (app.good(), "https://www.googleapis.com/auth/cloud-platform");
    let scopes = [cloud.to_owned(), format!("{cloud}.read-only"), format!("{READ} {PUBSUB}"), format!("{READ} {cloud}")];
    for scope in &scopes {
        app.generate(DEV, &jwt, json!({"scope": scope})).await.ok();
    }
    app.registry(|r| r.object_rules = vec![rule("gs://files/fw/", Access::Read)]).await;
    for scope in &scopes {
        let answer = app.generate(DEV, &jwt, json!({"scope": scope})).await;
        answer.refused(400, "INVALID_ARGUMENT", "cannot be held to the object rules of registry");
    }
    assert!(app.issuer.bounds.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_could_not_be_bounded_is_not_given() {
    let app = App::new().await;
    app.registry(|r| r.object_rules = vec![rule("gs://files/fw/", Access::Read)]).await;
    *app.issuer.instead.lock().unwrap() = Some(Ok(Issued::Refused { code: "invalid_request".into(), why: "too long".into() }));
    app.generate(DEV, &app.good(), json!({"scope": READ})).await.refused(403, "PERMISSION_DENIED", "too long");
    *app.issuer.instead.lock().unwrap() = None;
    app.registry(|r| r.object_rules = vec![rule(&format!("gs://files/{}", "x/".repeat(512)), Access::Read)]).await;
    app.generate(DEV, &app.good(), json!({"scope": READ})).await.refused(400, "INVALID_ARGUMENT", "leaves room for an object");
}

const PLACELESS: &str = "projects/p-1/registries/reg/devices/dev";

#[tokio::test]
async fn a_name_without_location_is_found_where_exactly_one_region_has_its_registry() {
    let app = App::new().await;
    for device in [PLACELESS.to_owned(), format!("projects/p-1/registries/reg/devices/{NUM_ID}")] {
        for body in [json!({"scope": PUBSUB}), json!({"scope": PUBSUB, "device": device}), json!({"scope": PUBSUB, "device": DEV})] {
            assert_eq!(app.generate(&device, &app.good(), body).await.ok()["access_token"], "federated-1");
        }
        let another = json!({"scope": PUBSUB, "device": "projects/p-1/registries/reg/devices/other"});
        app.generate(&device, &app.good(), another).await.refused(400, "INVALID_ARGUMENT", "not a device name");
    }
}

#[tokio::test]
async fn strangers_do_not_learn_where_a_registry_is_nor_in_how_many_places() {
    let app = App::new().await;
    let stranger = App::new().await.good();
    let body = || json!({"scope": PUBSUB});
    let once = app.generate(PLACELESS, &stranger, body()).await;
    let nowhere = app.generate(&PLACELESS.replace("/reg/", "/nowhere/"), &stranger, body()).await;
    let ghost = app.generate(&PLACELESS.replace("devices/dev", "devices/ghost"), &stranger, body()).await;
    let mut second = app.stores.registries.get(REGISTRY).await.unwrap().unwrap().value;
    second.name = REGISTRY.replace("us-central1", "asia-east1").parse().unwrap();
    app.stores.registries.put(&second.name.to_string(), &second, Expect::Absent).await.unwrap();
    let twice = app.generate(PLACELESS, &stranger, body()).await;
    let owner = app.generate(PLACELESS, &app.good(), body()).await;
    for answer in [&once, &nowhere, &ghost, &twice, &owner] {
        answer.refused(401, "UNAUTHENTICATED", "in exactly one of asia-east1, europe-west1 and us-central1");
        assert_eq!(answer.body, once.body);
    }
    app.ask().await.ok();
}
