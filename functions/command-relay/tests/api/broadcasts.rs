//! Broadcasts: created, listed, cancelled.

use std::time::Duration;

use domain::ports::Delivery;
use serde_json::{Value, json};

use crate::support::{App, REG, REGISTRY};

async fn create(app: &App, body: Value) -> String {
    let made = app.post(&format!("{REG}:broadcastCommand"), body).await.ok();
    format!("/v1/{}", made["name"].as_str().unwrap())
}

#[tokio::test]
async fn one_is_created_and_nothing_is_sent() {
    let app = App::new().await;
    let body = json!({"binaryData": "aGV5", "subfolder": "a", "ttl": "90.5s", "labels": {"site": "x"}, "per_second": 5});
    let mut made = app.post(&format!("{REG}:broadcastCommand"), body).await.ok();
    let name = made["name"].take();
    assert!(name.as_str().unwrap().starts_with(&format!("{REGISTRY}/broadcasts/")), "{name}");
    let noon = "2026-11-20T12:00:00Z";
    let expected = json!({
        "name": null, "state": "RUNNING", "done": false, "subfolder": "a", "binaryData": "aGV5", "ttl": "90.5s",
        "labels": {"site": "x"}, "perSecond": 5, "matched": 0, "acknowledged": 0, "delivered": 0, "queued": 0,
        "notConnected": 0, "failed": 0, "createTime": noon, "nextStepTime": noon,
    });
    assert_eq!(made, expected);
    assert!(app.delivered().is_empty());
    let listed = app.get(&format!("{REG}/broadcasts")).await.ok();
    assert_eq!(listed["broadcasts"][0]["name"], name);
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused() {
    let app = App::new().await;
    let uri = format!("{REG}:broadcastCommand");
    app.post(&uri, json!({"perSecond": 0})).await.invalid("per_second 0 is not valid: it must be 1 to 500");
    app.post(&uri, json!({"perSecond": 501})).await.invalid("per_second 501");
    app.post(&uri, json!({"ttl": "8d"})).await.invalid("ttl `8d` is no duration");
    app.post(&uri, json!({"ttl": "700000s"})).await.invalid("ttl 700000 s");
    app.post(&uri, json!({"subfolder": "#"})).await.invalid("subfolder `#`");
    app.post(&uri.replace("/reg:", "/other:"), json!({})).await.refused(404, "NOT_FOUND", "registries/other");
    app.get(&format!("{REG}/broadcasts/x")).await.invalid("`x` is not a command or broadcast id");
    app.get(&format!("{REG}/broadcasts/0000000000000000-00000000")).await.refused(404, "NOT_FOUND", "broadcasts/0");
}

#[tokio::test]
async fn a_cancelled_one_takes_no_more_steps() {
    let app = App::new().await;
    let made = create(&app, json!({"binaryData": "aGV5"})).await;
    let canceled = app.post(&format!("{made}:cancel"), json!({})).await.ok();
    assert_eq!((&canceled["state"], &canceled["done"], canceled.get("binaryData")), (&json!("CANCELED"), &json!(true), None));
    assert_eq!(app.post(&format!("{made}:advance"), json!({})).await.ok()["state"], "CANCELED");
    assert!(app.delivered().is_empty());
    app.post(&format!("{made}:cancel"), json!({})).await.refused(400, "FAILED_PRECONDITION", "is CANCELED");
}

#[tokio::test]
async fn a_hundred_may_run_and_what_is_over_makes_room() {
    let app = App::new().await;
    let first = create(&app, json!({})).await;
    for _ in 1..100 {
        create(&app, json!({})).await;
    }
    let says = "registry `reg` has 100 broadcasts running, the limit is 100";
    app.post(&format!("{REG}:broadcastCommand"), json!({})).await.refused(429, "RESOURCE_EXHAUSTED", says);
    app.post(&format!("{first}:cancel"), json!({})).await.ok();
    create(&app, json!({})).await;
    app.get(&first).await.refused(404, "NOT_FOUND", "broadcasts/");
}

#[tokio::test]
async fn after_a_week_it_is_over() {
    let app = App::new().await;
    let made = create(&app, json!({})).await;
    app.clock.pass(Duration::from_secs(7 * 24 * 3600));
    app.all(Ok(Delivery::Acknowledged));
    app.post(&format!("{made}:advance"), json!({})).await.ok();
    assert!(app.delivered().is_empty());
    create(&app, json!({})).await;
    app.get(&made).await.refused(404, "NOT_FOUND", "broadcasts/");
}
