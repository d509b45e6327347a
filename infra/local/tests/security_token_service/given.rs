//! Tokens that are given, and what they open.

use std::time::Duration;

use domain::objects::Access;
use infra_local::security_token_service::{Fault, Principal};
use serde_json::json;

use crate::town::{ACCOUNT, POOL, PUBSUB, Town, answer, provider};

#[tokio::test]
async fn a_subject_token_becomes_a_federated_token_for_the_rest_of_its_life() {
    let town = Town::new().await;
    let subject = town.signed(&town.claims(), json!({})).await;
    let (status, body) = town.form(&[], &subject).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")), "{body}");
    assert_eq!(body["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert!((1798..=1800).contains(&body["expires_in"].as_i64().unwrap()), "{body}");
    let grant = town.sts.check(body["access_token"].as_str().unwrap()).unwrap();
    let Principal::Federated { subject, attributes, .. } = &grant.principal else { panic!("{grant:?}") };
    assert_eq!((subject.as_str(), attributes["attribute.registry"].as_str()), ("26", "reg"));
    assert_eq!(grant.principal.to_string(), format!("principal://{POOL}/subject/26"));
    assert!(grant.has_scope(&[PUBSUB]) && !grant.has_scope(&["https://www.googleapis.com/auth/cloud-platform"]));
}

#[tokio::test]
async fn json_in_camel_case_is_the_same_as_a_form() {
    let town = Town::new().await;
    let body = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": provider(), "scope": PUBSUB,
        "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
        "subjectTokenType": "urn:ietf:params:oauth:token-type:id_token",
        "subjectToken": town.signed(&town.claims(), json!({})).await,
    });
    let (status, body) = answer(town.http.post(format!("{}/v1/token", town.at)).json(&body)).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn a_service_account_opens_to_its_members_alone() {
    let town = Town::new().await;
    let token = town.good().await;
    let (status, body) = town.impersonate(&token, ACCOUNT, json!({"scope": [PUBSUB], "lifetime": "600s"})).await;
    assert_eq!(status, 200, "{body}");
    let grant = town.sts.check(body["accessToken"].as_str().unwrap()).unwrap();
    assert_eq!(grant.principal, Principal::ServiceAccount(ACCOUNT.into()));
    assert_eq!(body["expireTime"], grant.expires_at.to_string());
    let info = answer(town.http.get(format!("{}/tokeninfo?access_token={}", town.at, body["accessToken"].as_str().unwrap()))).await;
    assert_eq!((info.0, &info.1["email"], &info.1["scope"]), (200, &json!(ACCOUNT), &json!(PUBSUB)));
    let other = town.impersonate(&token, "other@p.iam.gserviceaccount.com", json!({"scope": [PUBSUB]})).await;
    assert_eq!((other.0, &other.1["error"]["status"]), (403, &json!("PERMISSION_DENIED")));
    for bad in [json!({}), json!({"scope": ["x"]}), json!({"scope": [PUBSUB], "lifetime": "3601s"}), json!([])] {
        let (status, body) = town.impersonate(&token, ACCOUNT, bad).await;
        assert_eq!((status, &body["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
    }
    for stranger in ["", "x", &town.signed(&town.claims(), json!({})).await, &Town::new().await.good().await] {
        let (status, body) = town.impersonate(stranger, ACCOUNT, json!({"scope": [PUBSUB]})).await;
        assert_eq!((status, &body["error"]["code"]), (401, &json!(401)));
    }
    let subject = town.signed(&town.claims(), json!({})).await;
    let (_, weak) = town.form(&[("scope", PUBSUB)], &subject).await;
    let (status, body) = town.impersonate(weak["access_token"].as_str().unwrap(), ACCOUNT, json!({"scope": [PUBSUB]})).await;
    assert_eq!((status, &body["error"]["message"]), (403, &json!("Request had insufficient authentication scopes.")));
}

#[tokio::test]
async fn faults_happen_on_request_and_pass() {
    let town = Town::new().await;
    let subject = town.signed(&town.claims(), json!({})).await;
    town.sts.inject(Fault::Refuse, 1);
    town.sts.inject(Fault::Throttle(Some(Duration::from_secs(7))), 1);
    town.sts.inject(Fault::Fail(503), 2);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(town.form(&[], &subject).await.0);
    }
    assert_eq!(statuses, [403, 429, 503, 503, 200]);
    assert_eq!(town.sts.requests(), (5, 0));
}

#[tokio::test]
async fn a_token_behind_a_boundary_opens_its_objects_and_no_other_service() {
    let town = Town::new().await;
    let storage = "https://www.googleapis.com/auth/devstorage.read_write";
    let subject = town.signed(&town.claims(), json!({})).await;
    let (_, wide) = town.form(&[("scope", &format!("{storage} {PUBSUB}"))], &subject).await;
    let wide = wide["access_token"].as_str().unwrap();
    let options = json!({"accessBoundary": {"accessBoundaryRules": [{
        "availableResource": "//storage.googleapis.com/projects/_/buckets/files",
        "availablePermissions": ["inRole:roles/storage.legacyObjectReader"],
        "availabilityCondition": {"expression": "resource.name.startsWith('projects/_/buckets/files/objects/dev/')"},
    }]}});
    let access_token = [("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"), ("options", &options.to_string())];
    let (status, narrow) = town.form(&access_token, wide).await;
    assert_eq!((status, narrow.get("expires_in")), (200, None), "{narrow}");
    let grant = town.sts.check(narrow["access_token"].as_str().unwrap()).unwrap();
    let before = town.sts.check(wide).unwrap();
    assert_eq!((&grant.principal, grant.expires_at), (&before.principal, before.expires_at));
    assert!(grant.allows_object("files", "dev/x", Access::Read) && !grant.allows_object("files", "dev2/x", Access::Read));
    assert!(!grant.allows_object("files", "dev/x", Access::Write) && before.allows_object("files", "dev2/x", Access::Write));
    assert!(grant.has_scope(&[storage]) && !grant.has_scope(&[PUBSUB]) && before.has_scope(&[PUBSUB]));
    for (subject, options) in [(narrow["access_token"].as_str().unwrap(), options.to_string()), (wide, "{}".into()), ("x", String::new())] {
        let (status, body) = town.form(&[access_token[0], ("options", &options)], subject).await;
        assert_eq!(status, 400, "{body}");
    }
}
