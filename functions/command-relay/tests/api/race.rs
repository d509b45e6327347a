//! Many who send at the same time: nothing is sent twice, out of order, or past the limit.

use std::sync::Arc;

use domain::command::{Drained, MAX_WAITING, Queue};
use domain::ports::Delivery;
use serde_json::json;

use crate::support::{App, DEV};

async fn send_all(app: &App, n: usize) -> Vec<u16> {
    let tasks: Vec<_> = (0..n)
        .map(|n| {
            let app = app.clone();
            let body = json!({"binaryData": edge::encode_base64(format!("{n:03}").as_bytes()), "ttl": "60s"});
            tokio::spawn(async move { app.post(&format!("{DEV}:sendCommandToDevice"), body).await.status })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_deliverers_one_sends_each_command() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    send_all(&app, 60).await;
    app.channel.delivered.lock().unwrap().clear();
    app.all(Ok(Delivery::Acknowledged));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let app = Arc::new(app.clone());
            tokio::spawn(async move {
                let queue = Queue { stores: &app.stores, channel: &*app.channel, clock: &*app.clock };
                queue.drain(&App::recipient(), None).await.unwrap()
            })
        })
        .collect();
    let mut ends = Vec::new();
    for task in tasks {
        ends.push(task.await.unwrap());
    }
    assert!(ends.contains(&Drained::Empty) && ends.iter().all(|e| matches!(e, Drained::Empty | Drained::Claimed)), "{ends:?}");
    let ids: Vec<_> = app.channel.delivered.lock().unwrap().iter().map(|(_, c)| c.id.clone().unwrap()).collect();
    assert_eq!(ids.len(), 60, "each once");
    assert!(ids.is_sorted(), "in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commands_sent_side_by_side_to_a_device_that_is_there_all_arrive_once() {
    let app = App::new().await;
    let answers = send_all(&app, 50).await;
    assert!(answers.iter().all(|code| *code == 200), "{answers:?}");
    let mut texts: Vec<_> = app.delivered().into_iter().map(|(_, text)| text).collect();
    texts.sort_unstable();
    assert_eq!(texts, (0..50).map(|n| format!("{n:03}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_limit_holds_for_requests_that_run_together() {
    let app = App::new().await;
    app.all(Ok(Delivery::NotConnected));
    let answers = send_all(&app, 2 * MAX_WAITING).await;
    let taken = answers.iter().filter(|code| **code == 200).count();
    assert!(answers.iter().all(|code| [200, 429].contains(code)) && taken <= MAX_WAITING, "{taken}");
    let kept = app.stores.commands.list(&App::recipient().parent(), None, 500).await.unwrap().items.len();
    assert_eq!(kept, taken, "what was refused is not there");
}
