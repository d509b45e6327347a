//! Steps of a broadcast.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::PortError;
use domain::broadcast::LEASE_LAPSES;
use domain::ports::{Clock as _, Delivery, Expect};
use serde_json::{Value, json};

use crate::support::{App, REG};

const SECOND: Duration = Duration::from_secs(1);

/// `n` devices beside `dev`, named `d-000`, `d-001`, …; every third has the label `site=x`.
async fn with_devices(n: u64) -> App {
    let app = App::new().await;
    for i in 0..n {
        let metadata: &[(&str, &str)] = if i % 3 == 0 { &[("site", "x"), ("floor", "1")] } else { &[("site", "y")] };
        app.add(&format!("d-{i:03}"), 1000 + i, metadata).await;
    }
    app
}

async fn create(app: &App, body: Value) -> String {
    let made = app.post(&format!("{REG}:broadcastCommand"), body).await.ok();
    format!("/v1/{}", made["name"].as_str().unwrap())
}

async fn advance(app: &App, broadcast: &str) -> Value {
    app.post(&format!("{broadcast}:advance"), json!({})).await.ok()
}

/// Steps until it is done, a second each.
async fn run(app: &App, broadcast: &str) -> Value {
    for _ in 0..1000 {
        let now = advance(app, broadcast).await;
        if now["done"] == true {
            return now;
        }
        app.clock.pass(SECOND);
    }
    panic!("not done after 1000 steps");
}

fn counts(b: &Value) -> [u64; 6] {
    ["matched", "acknowledged", "delivered", "queued", "notConnected", "failed"].map(|name| b[name].as_u64().unwrap())
}

#[tokio::test]
async fn three_hundred_devices_are_told_whatever_each_of_them_does() {
    let app = with_devices(299).await;
    for i in 0..299 {
        let answer = match i % 10 {
            0..3 => Ok(Delivery::NotConnected),
            3 => Ok(Delivery::NotSubscribed),
            4 => Ok(Delivery::Delivered),
            5 => Ok(Delivery::TimedOut),
            6 => Err(PortError::lasting("commands", "broken")),
            _ => continue,
        };
        app.channel.of.lock().unwrap().insert(format!("d-{i:03}"), answer);
    }
    let now = create(&app, json!({"binaryData": "aGV5"})).await;
    let done = run(&app, &now).await;
    assert_eq!(counts(&done), [300, 90, 30, 0, 120, 60]);
    assert_eq!((&done["state"], done.get("nextStepTime"), done.get("binaryData")), (&json!("DONE"), None, None));
    assert!(done["lastError"].as_str().unwrap().starts_with("device `d-29"), "{done}");
    let told: BTreeSet<_> = app.delivered().into_iter().map(|(device, _)| device).collect();
    assert_eq!((told.len(), app.delivered().len()), (300, 300), "each once");

    let waiting = create(&app, json!({"binaryData": "aGV5", "ttl": "3600s"})).await;
    let done = run(&app, &waiting).await;
    assert_eq!(counts(&done), [300, 90, 30, 180, 0, 0], "who is away gets it later");
    let queued = app.get(&format!("{REG}/devices/d-000/commands")).await.ok();
    assert_eq!(queued["commands"][0]["name"].as_str().unwrap().rsplit('/').next(), waiting.rsplit('/').next(), "one id at all devices");
}

#[tokio::test]
async fn only_devices_with_all_the_labels_are_told() {
    let app = with_devices(30).await;
    let made = create(&app, json!({"labels": {"site": "x", "floor": "1"}})).await;
    assert_eq!(counts(&run(&app, &made).await)[0], 10);
    assert!(app.delivered().iter().all(|(device, _)| device.starts_with("d-") && device[2..].parse::<u32>().unwrap() % 3 == 0));
    let nobody = create(&app, json!({"labels": {"site": "z"}})).await;
    assert_eq!(counts(&advance(&app, &nobody).await), [0; 6]);
}

#[tokio::test]
async fn a_step_sends_no_more_than_a_second_allows_and_none_comes_early() {
    let app = with_devices(25).await;
    let made = create(&app, json!({"perSecond": 10})).await;
    let first = advance(&app, &made).await;
    assert_eq!((counts(&first)[0], &first["nextStepTime"]), (10, &json!("2026-11-20T12:00:01Z")));
    app.clock.pass(SECOND / 2);
    assert_eq!(counts(&advance(&app, &made).await)[0], 10, "too early");
    app.clock.pass(SECOND / 2);
    assert_eq!(counts(&advance(&app, &made).await)[0], 20);
    app.clock.pass(SECOND);
    let last = advance(&app, &made).await;
    assert_eq!((counts(&last)[0], &last["done"]), (26, &json!(true)));
}

#[tokio::test]
async fn a_step_that_takes_too_long_leaves_the_rest_to_the_next() {
    let app = with_devices(300).await;
    *app.channel.takes.lock().unwrap() = SECOND;
    let made = create(&app, json!({"perSecond": 500})).await;
    let first = counts(&advance(&app, &made).await)[0];
    assert!((20..=120).contains(&first), "{first} were begun within 20 s");
    *app.channel.takes.lock().unwrap() = Duration::ZERO;
    assert_eq!(counts(&run(&app, &made).await)[0], 301);
    assert_eq!(app.delivered().len(), 301, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_drivers_that_run_together_one_takes_the_step() {
    let app = with_devices(50).await;
    let made = create(&app, json!({"perSecond": 20})).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (app, made) = (app.clone(), made.clone());
            tokio::spawn(async move { advance(&app, &made).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!((counts(&app.get(&made).await.ok())[0], app.delivered().len()), (20, 20));
}

#[tokio::test]
async fn a_step_whose_driver_died_is_taken_again_under_the_same_command_id() {
    let app = with_devices(5).await;
    let made = create(&app, json!({"binaryData": "aGV5"})).await;
    let key = made.strip_prefix("/v1/").unwrap();
    // The driver took the lease, sent, and died before it could write down what it did.
    let mut record = app.stores.broadcasts.get(key).await.unwrap().unwrap().value;
    record.lease = Some((99, app.clock.now() + LEASE_LAPSES));
    app.stores.broadcasts.put(key, &record, Expect::Anything).await.unwrap();
    let waits = advance(&app, &made).await;
    assert_eq!((&waits["stepUnderWay"], counts(&waits)[0]), (&json!(true), 0));
    app.clock.pass(LEASE_LAPSES);
    assert_eq!(counts(&advance(&app, &made).await), [6, 6, 0, 0, 0, 0]);
    let ids: BTreeSet<_> = app.channel.delivered.lock().unwrap().iter().map(|(_, c)| c.id.clone()).collect();
    assert_eq!(ids, BTreeSet::from([Some(made.rsplit('/').next().unwrap().to_owned())]));
}

#[tokio::test]
async fn what_a_step_did_counts_though_the_broadcast_was_cancelled_meanwhile() {
    let app = with_devices(5).await;
    let made = create(&app, json!({})).await;
    let (stepped, canceled) = tokio::join!(advance(&app, &made), async {
        tokio::task::yield_now().await;
        app.post(&format!("{made}:cancel"), json!({})).await.ok()
    });
    assert_eq!((&canceled["state"], &stepped["state"]), (&json!("CANCELED"), &json!("CANCELED")));
    assert_eq!(counts(&app.get(&made).await.ok())[0], 6);
}
