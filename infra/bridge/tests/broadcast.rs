//! A broadcast over real connections: some devices there, some not subscribed, some away.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says so by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use edge::{AdminAuth, AdminToken};
use infra_local::SystemClock;
use serde_json::{Value, json};
use support::client::Got;
use support::{REGISTRY, Rig};
use tower::ServiceExt as _;

const DEVICES: usize = 300;

async fn post(router: &axum::Router, path: &str, body: Value) -> Value {
    let request = Request::post(format!("/v1/{path}")).header("authorization", "Bearer secret");
    let response = router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
    let status = response.status();
    let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
    assert_eq!(status, 200, "{body}");
    body
}

/// Connects `d-{n}`; with `subscribed`, acknowledges every command from now on and counts it.
async fn connect(rig: &Rig, n: usize, subscribed: bool, got: &Arc<AtomicUsize>) {
    let mut device = rig.device(&format!("d-{n:03}")).await;
    if subscribed {
        device.subscribe(1, &[(&format!("/devices/d-{n:03}/commands/#"), 1)]).await;
        assert_eq!(device.next().await, Got::SubAck(1, vec![1]));
    }
    let got = got.clone();
    tokio::spawn(async move {
        while let Some(packet) = device.within(std::time::Duration::from_secs(60)).await {
            match packet {
                Got::Publish { id, .. } => {
                    got.fetch_add(1, Ordering::Relaxed);
                    device.ack(id).await;
                }
                Got::Closed => return,
                _ => {}
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_devices_get_it_now_or_when_they_are_back() {
    let rig = Rig::new().await;
    rig.stores.devices.delete(&support::device_key("dev").to_string(), domain::ports::Expect::Anything).await.unwrap();
    let got = Arc::new(AtomicUsize::new(0));
    for n in 0..DEVICES {
        rig.add(&format!("d-{n:03}"), 1000 + n as u64).await;
        if n % 3 != 0 {
            connect(&rig, n, n % 3 == 1, &got).await;
        }
    }
    let router = command_relay::router(command_relay::Deps {
        stores: rig.stores.clone(),
        commands: rig.bridge.commands(),
        clock: Arc::new(SystemClock),
        random: Arc::new(rand::random::<u64>),
        admin: AdminAuth::Token(AdminToken::new("secret")),
    });
    let body = json!({"binaryData": "Z28=", "ttl": "3600s", "perSecond": 500});
    let made = post(&router, &format!("{REGISTRY}:broadcastCommand"), body).await;
    let done = post(&router, &format!("{}:advance", made["name"].as_str().unwrap()), json!({})).await;
    let counted = ["matched", "acknowledged", "queued", "failed"].map(|name| done[name].as_u64().unwrap());
    assert_eq!((counted, &done["state"]), ([300, 100, 200, 0], &json!("DONE")), "{done}");
    assert_eq!(got.load(Ordering::Relaxed), 100);
    for n in (0..DEVICES).filter(|n| n % 3 != 1) {
        connect(&rig, n, true, &got).await;
    }
    support::eventually("all have it", || got.load(Ordering::Relaxed) == DEVICES).await;
    assert_eq!(rig.bridge.counters().commands, 300, "each once");
}
