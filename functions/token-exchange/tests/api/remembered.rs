//! What is kept of the tokens that are given: enough for the routes for objects, and never the token.

use domain::issued_token;
use domain::objects::{Access, ObjectRule};
use domain::ports::Expect;
use domain::{DomainError, Refusal};
use serde_json::json;

use crate::support::{App, DEV, NOON, OTHER, REGISTRY};

const STORAGE: &str = "https://www.googleapis.com/auth/devstorage.read_only";

async fn app(rules: bool) -> App {
    let app = App::allowing(&[&format!("{DEV}=files@p.iam.gserviceaccount.com")]).await;
    let mut registry = app.stores.registries.get(REGISTRY).await.unwrap().unwrap().value;
    let rule = ObjectRule { path: "gs://files/firmware/".into(), access: Access::Read };
    registry.object_rules = if rules { vec![rule] } else { Vec::new() };
    app.stores.registries.put(REGISTRY, &registry, Expect::Anything).await.unwrap();
    app
}

async fn given(app: &App, body: serde_json::Value) -> String {
    app.generate(DEV, &app.good(), body).await.ok()["access_token"].as_str().unwrap().to_owned()
}

async fn kept(app: &App) -> usize {
    app.stores.issued_tokens.list("", None, 100).await.unwrap().items.len()
}

#[tokio::test]
async fn a_token_for_objects_is_known_as_its_devices_and_nobody_elses() {
    let app = app(true).await;
    let own = given(&app, json!({"scope": STORAGE})).await;
    let as_account = given(&app, json!({"scope": STORAGE, "serviceAccount": "files@p.iam.gserviceaccount.com"})).await;
    assert_ne!(own, as_account);
    let now = domain::ports::Clock::now(&*app.clock);
    for token in [&own, &as_account] {
        let holder = issued_token::authenticate(&app.stores, &DEV.parse().unwrap(), token, now).await.unwrap();
        assert_eq!((holder.device.key.to_string().as_str(), holder.access), (DEV, Access::Read));
        let other = issued_token::authenticate(&app.stores, &OTHER.parse().unwrap(), token, now).await.unwrap_err();
        assert!(matches!(other, DomainError::Refused(Refusal::UnknownAccessToken)), "{other}");
    }
    let records = app.stores.issued_tokens.list("", None, 100).await.unwrap().items;
    assert_eq!(records.len(), 2);
    let text = format!("{records:?}");
    assert!(!text.contains(&own) && !text.contains(&as_account), "{text}");
}

#[tokio::test]
async fn a_token_served_again_is_not_kept_again() {
    let app = app(true).await;
    for _ in 0..5 {
        given(&app, json!({"scope": STORAGE})).await;
    }
    assert_eq!(kept(&app).await, 1);
}

#[tokio::test]
async fn nothing_is_kept_of_tokens_that_open_no_objects_here() {
    let with_rules = app(true).await;
    given(&with_rules, json!({"scope": "https://www.googleapis.com/auth/pubsub"})).await;
    let without = app(false).await;
    given(&without, json!({"scope": STORAGE})).await;
    assert_eq!((kept(&with_rules).await, kept(&without).await), (0, 0));
}

#[tokio::test]
async fn what_has_expired_is_removed_by_what_comes_after() {
    let app = app(true).await;
    // A week of one device: a token every hour, each fetched anew.
    for hour in 0..7 * 24 {
        app.clock.set(NOON + hour * 3600);
        let jwt = app.jwt(hour * 3600, hour * 3600 + 3600);
        app.generate(DEV, &jwt, json!({"scope": STORAGE})).await.ok();
    }
    let kept = kept(&app).await;
    assert!((1..=20).contains(&kept), "{kept} of 168 tokens are still remembered");
}
