//! Commands with `ttl`: taken, sent when the device is there, listed, cancelled, over.

use std::time::Duration;

use domain::PortError;
use domain::command::{CLAIM_LAPSES, CommandRecord, CommandState, MAX_FINISHED};
use domain::ports::{Clock as _, Delivery, Expect};
use serde_json::{Value, json};

use crate::support::{App, DEV, NOON, REGISTRY};

const HOUR: Duration = Duration::from_secs(3600);

async fn send(app: &App, text: &str) -> Value {
    let body = json!({"binaryData": edge::encode_base64(text.as_bytes()), "ttl": "3600s"});
    app.post(&format!("{DEV}:sendCommandToDevice"), body).await.ok()
}

fn uri(command: &Value) -> String {
    format!("/v1/{}", command["name"].as_str().unwrap())
}

async fn state(app: &App, command: &Value) -> Value {
    app.get(&uri(command)).await.ok()["state"].clone()
}

async fn listed(app: &App) -> Vec<Value> {
    app.get(&format!("{DEV}/commands")).await.ok()["commands"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_device_that_is_there_gets_it_at_once() {
    let app = App::new().await;
    let body = json!({"binary_data": "aGV5", "subfolder": "a/b", "ttl": "3600s"});
    let mut sent = app.post(&format!("{DEV}:sendCommandToDevice"), body).await.ok();
    let name = sent["name"].take();
    let id = name.as_str().unwrap().strip_prefix(&format!("{REGISTRY}/devices/7/commands/")).unwrap().to_owned();
    let noon = "2026-11-20T12:00:00Z";
    let expected = json!({
        "name": null, "deviceId": "dev", "state": "ACKNOWLEDGED", "subfolder": "a/b", "sizeBytes": 3, "attempts": 1,
        "createTime": noon, "expireTime": "2026-11-20T13:00:00Z", "sendTime": noon, "finishTime": noon,
    });
    assert_eq!(sent, expected);
    let delivered = app.channel.delivered.lock().unwrap();
    assert_eq!((delivered[0].1.id.as_deref(), delivered[0].1.subfolder.as_str()), (Some(id.as_str()), "a/b"));
}

#[tokio::test]
async fn each_answer_of_a_session_is_one_state() {
    let app = App::new().await;
    let cases = [
        (Ok(Delivery::Acknowledged), "ACKNOWLEDGED", true),
        (Ok(Delivery::Delivered), "DELIVERED", true),
        (Ok(Delivery::Refused), "FAILED", true),
        (Ok(Delivery::NotConnected), "QUEUED", false),
        (Ok(Delivery::NotSubscribed), "QUEUED", false),
        (Ok(Delivery::Busy), "QUEUED", false),
        (Ok(Delivery::TimedOut), "QUEUED", true),
        (Ok(Delivery::Lost), "QUEUED", true),
        (Err(PortError::lasting("commands", "broken")), "QUEUED", true),
    ];
    for (answer, state, may_have_it) in cases {
        app.all(answer.clone());
        let sent = send(&app, "x").await;
        assert_eq!(sent["state"], state, "{answer:?}");
        assert_eq!(sent.get("attempts").cloned(), may_have_it.then(|| json!(1)), "{answer:?}");
        assert_eq!(sent.get("sendTime").is_some(), may_have_it, "{answer:?}");
        let payload = (state == "QUEUED").then(|| json!("eA=="));
        assert_eq!(sent.get("binaryData").cloned(), payload, "kept while it waits, no longer: {answer:?}");
        if state == "QUEUED" {
            app.delete(&uri(&sent)).await.ok();
        }
    }
}

#[tokio::test]
async fn what_waits_goes_in_order_before_what_is_new() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    for text in ["1", "2", "3"] {
        assert_eq!(send(&app, text).await["state"], "QUEUED");
    }
    app.channel.delivered.lock().unwrap().clear();
    app.all(Ok(Delivery::Acknowledged));
    assert_eq!(send(&app, "4").await["state"], "ACKNOWLEDGED");
    let texts: Vec<_> = app.delivered().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["1", "2", "3", "4"]);
    let names: Vec<_> = listed(&app).await.iter().map(|c| c["name"].to_string()).collect();
    assert!(names.is_sorted() && names.len() == 4, "{names:?}");
}

#[tokio::test]
async fn nothing_overtakes_a_command_that_was_not_acknowledged() {
    let app = App::new().await;
    app.all(Ok(Delivery::TimedOut));
    send(&app, "first").await;
    send(&app, "second").await;
    let texts: Vec<_> = app.delivered().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["first", "first"]);
}

#[tokio::test]
async fn a_session_is_told_to_look_again_when_it_may_have_come_meanwhile() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    send(&app, "x").await;
    assert_eq!(*app.channel.hints.lock().unwrap(), ["dev"]);
}

#[tokio::test]
async fn time_is_over_for_every_reader_at_once() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    let sent = send(&app, "x").await;
    app.clock.pass(HOUR - Duration::from_secs(1));
    assert_eq!(state(&app, &sent).await, "QUEUED");
    app.clock.pass(Duration::from_secs(1));
    let expired = app.get(&uri(&sent)).await.ok();
    assert_eq!((&expired["state"], &expired["finishTime"]), (&json!("EXPIRED"), &json!("2026-11-20T13:00:00Z")));
    assert_eq!(listed(&app).await, [expired]);
    app.channel.delivered.lock().unwrap().clear();
    app.all(Ok(Delivery::Acknowledged));
    send(&app, "y").await;
    assert_eq!(app.delivered(), [("dev".into(), "y".into())], "what is over is not sent");
}

#[tokio::test]
async fn a_claim_whose_deliverer_died_is_taken_again_later() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    let sent = send(&app, "x").await;
    let key = sent["name"].as_str().unwrap();
    let mut record = app.stores.commands.get(key).await.unwrap().unwrap().value;
    record = CommandRecord { state: CommandState::Sent, send_time: Some(app.clock.now()), attempts: 1, ..record };
    app.stores.commands.put(key, &record, Expect::Anything).await.unwrap();
    app.all(Ok(Delivery::Acknowledged));
    let second = send(&app, "y").await;
    assert_eq!((state(&app, &sent).await, &second["state"]), (json!("SENT"), &json!("QUEUED")), "the claim holds");
    app.delete(&uri(&sent)).await.refused(400, "FAILED_PRECONDITION", "is SENT: only one that is QUEUED");
    app.clock.pass(CLAIM_LAPSES);
    assert_eq!(state(&app, &sent).await, "QUEUED");
    send(&app, "z").await;
    for command in [&sent, &second] {
        assert_eq!(state(&app, command).await, "ACKNOWLEDGED");
    }
}

#[tokio::test]
async fn one_that_waits_can_be_cancelled_once() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    let sent = send(&app, "x").await;
    assert_eq!(app.delete(&uri(&sent)).await.ok(), json!({}));
    let canceled = app.get(&uri(&sent)).await.ok();
    assert_eq!((&canceled["state"], canceled.get("binaryData"), &canceled["sizeBytes"]), (&json!("CANCELED"), None, &json!(1)));
    app.delete(&uri(&sent)).await.refused(400, "FAILED_PRECONDITION", "is CANCELED");
    app.all(Ok(Delivery::Acknowledged));
    app.channel.delivered.lock().unwrap().clear();
    send(&app, "y").await;
    assert_eq!(app.delivered().len(), 1);
    app.delete(&format!("{DEV}/commands/0000000000000000-00000000")).await.refused(404, "NOT_FOUND", "commands/0000000000000000");
    app.get(&format!("{DEV}/commands/last")).await.invalid("`last` is not a command or broadcast id");
}

#[tokio::test]
async fn the_hundred_and_first_that_waits_is_refused() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    for n in 0..100 {
        send(&app, &n.to_string()).await;
    }
    let uri = format!("{DEV}:sendCommandToDevice");
    let more = || app.post(&uri, json!({"ttl": "60s"}));
    more().await.refused(429, "RESOURCE_EXHAUSTED", "device `dev` has 100 commands waiting, the limit is 100");
    assert_eq!(listed(&app).await.len(), 100);
    app.clock.pass(HOUR);
    more().await.ok();
}

#[tokio::test]
async fn pages_follow_each_other() {
    let app = App::new().await;
    for n in 0..5 {
        send(&app, &n.to_string()).await;
    }
    let (mut names, mut token) = (Vec::new(), String::new());
    for rows in [2, 2, 1] {
        let page = app.get(&format!("{DEV}/commands?pageSize=2&pageToken={token}")).await.ok();
        assert_eq!(page["commands"].as_array().unwrap().len(), rows);
        names.extend(page["commands"].as_array().unwrap().iter().map(|c| c["name"].to_string()));
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
    }
    assert!(token.is_empty() && names.is_sorted() && names.len() == 5);
}

#[tokio::test]
async fn what_is_over_is_kept_for_a_week_and_not_without_end() {
    let app = App::new().await;
    let first = send(&app, "x").await;
    app.clock.pass(7 * 24 * HOUR - Duration::from_secs(1));
    send(&app, "y").await;
    assert_eq!(state(&app, &first).await, "ACKNOWLEDGED");
    app.clock.pass(Duration::from_secs(1));
    send(&app, "z").await;
    app.get(&uri(&first)).await.refused(404, "NOT_FOUND", "commands/");
    for _ in 0..MAX_FINISHED + 10 {
        send(&app, "x").await;
    }
    // One more than the limit: what is sent now is over only after the look.
    assert_eq!(listed(&app).await.len(), MAX_FINISHED + 1);
}

#[tokio::test]
async fn a_device_made_anew_under_the_same_id_has_none() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    send(&app, "x").await;
    app.add("dev", 8, &[]).await;
    app.all(Ok(Delivery::Acknowledged));
    assert!(listed(&app).await.is_empty());
    app.channel.delivered.lock().unwrap().clear();
    send(&app, "y").await;
    assert_eq!(app.delivered(), [("dev".into(), "y".into())]);
}

#[tokio::test]
async fn a_slow_device_does_not_hold_the_request_for_long() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    for n in 0..10 {
        send(&app, &n.to_string()).await;
    }
    app.channel.delivered.lock().unwrap().clear();
    app.all(Ok(Delivery::Acknowledged));
    *app.channel.takes.lock().unwrap() = Duration::from_secs(8);
    assert_eq!(send(&app, "new").await["state"], "QUEUED");
    assert_eq!(app.delivered().len(), 3, "one is begun at 0, 8 and 16 s, none after 20");
    assert_eq!(app.clock.now().secs(), NOON + 24);
}
