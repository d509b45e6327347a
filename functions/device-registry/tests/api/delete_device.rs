//! `DELETE /v1/V`.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::command::{NewCommand, Queue, Recipient};
use domain::status::{DeviceStatus, ErrorStatus};
use domain::{Timestamp, state};
use serde_json::{Value, json};

use crate::support::{App, NOON, REG};

fn dev() -> String {
    format!("{REG}/devices/dev")
}

/// A device with configuration, state, status and a command that waits.
async fn used() -> App {
    let app = App::with_registry().await;
    app.create(json!({"id": "dev", "config": {"binaryData": "b2xk"}})).await.ok();
    state::report(&app.stores, &App::key(), b"old", Timestamp::from_secs(NOON)).await.unwrap();
    let error = ErrorStatus { code: 3, message: "old".into() };
    let status = DeviceStatus { last_event: Some(Timestamp::from_secs(NOON)), last_error: Some(error), ..DeviceStatus::default() };
    app.stores.statuses.put(&App::key().to_string(), &status, domain::ports::Expect::Anything).await.unwrap();
    let queue = Queue { stores: &app.stores, channel: &*app.channel, clock: &*app.clock };
    let command = NewCommand { id: None, subfolder: String::new(), data: b"old".to_vec(), ttl: Duration::from_secs(60) };
    queue.take(&Recipient { key: App::key(), num_id: 2_600_000_000_000_000 }, command, 0).await.unwrap();
    app
}

/// Nothing of the older device is told of the new one.
fn is_new(device: &Value) {
    for field in ["state", "lastEventTime", "lastErrorStatus", "lastErrorTime"] {
        assert_eq!(device.get(field), None, "{field}");
    }
    assert_eq!(device["config"].get("binaryData"), None);
}

#[tokio::test]
async fn a_deleted_device_is_gone_with_all_its_records() {
    let app = used().await;
    assert_eq!(app.delete(&dev()).await.ok(), json!({}));
    app.get(&dev()).await.refused(404, "NOT_FOUND", "device `projects/p-1/locations/us-central1/registries/reg/devices/dev`");
    app.get(&format!("{REG}/devices/2600000000000000")).await.refused(404, "NOT_FOUND", "2600000000000000");
    app.delete(&dev()).await.refused(404, "NOT_FOUND", "dev");
    let s = &app.stores;
    let left = s.configs.list("", None, 9).await.unwrap().items.len()
        + s.states.list("", None, 9).await.unwrap().items.len()
        + s.statuses.list("", None, 9).await.unwrap().items.len()
        + s.device_numbers.list("", None, 9).await.unwrap().items.len()
        + s.commands.list("", None, 9).await.unwrap().items.len();
    assert_eq!(left, 0);
    assert_eq!(*app.channel.hints.lock().unwrap(), ["dev"], "the live session is told");
}

#[tokio::test]
async fn stopped_after_any_write_it_leaves_no_ghost() {
    for writes in 0..6 {
        let app = used().await;
        app.budget.store(writes, Ordering::Relaxed);
        app.delete(&dev()).await.refused(503, "UNAVAILABLE", "try again");
        app.budget.store(i64::MAX, Ordering::Relaxed);
        assert_eq!(app.get(&dev()).await.status, if writes == 0 { 200 } else { 404 });
        if writes == 0 {
            continue;
        }
        app.get(&format!("{REG}/devices/2600000000000000")).await.refused(404, "NOT_FOUND", "was not found");
        let again = app.create(json!({"id": "dev"})).await.ok();
        is_new(&again);
        is_new(&app.get(&dev()).await.ok());
        assert_ne!(again["numId"], "2600000000000000");
        app.get(&format!("{REG}/devices/2600000000000000")).await.refused(404, "NOT_FOUND", "was not found");
        assert_eq!(app.get(&format!("{}/configVersions", dev())).await.ok()["deviceConfigs"].as_array().unwrap().len(), 1);
        assert_eq!(app.get(&format!("{}/states", dev())).await.ok(), json!({}));
    }
}

#[tokio::test]
async fn deleting_and_creating_at_once_ends_in_one_of_both() {
    for _ in 0..8 {
        let app = used().await;
        let (dev, uri) = (dev(), format!("{REG}/devices"));
        let (deleted, created) = tokio::join!(app.delete(&dev), app.post(&uri, json!({"id": "dev"})));
        deleted.ok();
        match created.status {
            200 => is_new(&app.get(&dev).await.ok()),
            _ => drop(app.get(&dev).await.refused(404, "NOT_FOUND", "dev")),
        }
    }
}
