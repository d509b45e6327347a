//! Commands and configurations over AWS IoT. moto has no direct messages, so a small server on loopback stands for the data
//! plane: it knows which client ids are connected, takes what is sent as the SDK sends it, and answers as AWS documents it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use chaos_proxy::ChaosProxy;
use domain::ports::{Clock, Command, CommandChannel as _, Delivery, Expect, Stores};
use domain::status::StatusBook;
use domain::{Device, DeviceKey, DomainError, Timestamp, config};
use infra_aws::iot::When;
use infra_aws::{Aws, AwsIot};

const NOW: Timestamp = Timestamp(1_795_176_000_000_000);

struct Noon;
impl Clock for Noon {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// What a device does with a message.
#[derive(Clone, Copy)]
enum Connection {
    Acknowledges,
    Silent,
    Gone,
    /// AWS itself answers, by this status and code.
    Refused(u16, &'static str),
}

/// A request as it came: method, path with query, and body.
type Seen = (String, String, Vec<u8>);

struct DataPlane {
    connection: Connection,
    seen: Mutex<Vec<Seen>>,
}

async fn answer(State(plane): State<Arc<DataPlane>>, request: Request) -> Response {
    let refused =
        |status: StatusCode, kind: &'static str| (status, [("x-amzn-errortype", kind)], Json(serde_json::json!({}))).into_response();
    let (parts, body) = request.into_parts();
    let (method, uri) = (parts.method.to_string(), parts.uri.to_string());
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    plane.seen.lock().unwrap().push((method, uri, body));
    match plane.connection {
        Connection::Acknowledges => Json(serde_json::json!({ "message": "OK" })).into_response(),
        Connection::Silent => refused(StatusCode::GATEWAY_TIMEOUT, "GatewayTimeoutException"),
        Connection::Gone => refused(StatusCode::NOT_FOUND, "ResourceNotFoundException"),
        Connection::Refused(status, kind) => refused(StatusCode::from_u16(status).unwrap(), kind),
    }
}

struct Scene {
    iot: AwsIot,
    plane: Arc<DataPlane>,
    stores: Stores,
    key: DeviceKey,
}

impl Scene {
    async fn with(connection: Connection) -> Self {
        Self::by_way_of(connection, |addr| addr).await
    }

    /// The data plane where `way` says that it is.
    async fn by_way_of(connection: Connection, way: impl FnOnce(SocketAddr) -> SocketAddr) -> Self {
        let plane = Arc::new(DataPlane { connection, seen: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", way(listener.local_addr().unwrap()));
        let app = Router::new().fallback(answer).with_state(plane.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let stores = infra_local::memory_stores();
        let statuses = Arc::new(StatusBook::new(stores.clone(), Arc::new(Noon)));
        let iot = AwsIot::new(Aws::of_a_stand_in(), Some(endpoint), stores.clone(), statuses, Arc::new(Noon));
        let key = DeviceKey { registry: "projects/p/locations/l/registries/reg".parse().unwrap(), id: "pi-1".parse().unwrap() };
        Self { iot, plane, stores, key }
    }

    async fn register(&self, blocked: bool) {
        let device = Device {
            key: self.key.clone(),
            num_id: 7,
            credentials: vec![],
            blocked,
            metadata: Default::default(),
            log_level: Default::default(),
            gateway: Default::default(),
            service_accounts: vec![],
        };
        self.stores.devices.put(&self.key.to_string(), &device, Expect::Absent).await.unwrap();
        config::update(&self.stores, &self.key, b"fast".to_vec(), None, NOW).await.unwrap();
    }

    fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.plane.seen.lock().unwrap())
    }

    async fn acknowledged(&self) -> Option<Timestamp> {
        config::latest(&self.stores, &self.key).await.unwrap().unwrap().device_ack_time
    }
}

fn command(subfolder: &str) -> Command {
    Command { id: Some("c-1".into()), subfolder: subfolder.into(), data: vec![0xFF, 0].into() }
}

#[tokio::test]
async fn a_command_goes_to_the_connection_and_its_answer_is_the_devices_own() {
    let scene = Scene::with(Connection::Acknowledges).await;
    assert_eq!(scene.iot.deliver(&scene.key, command("a/b")).await.unwrap(), Delivery::Acknowledged);
    let [(method, uri, body)] = &scene.seen()[..] else { panic!("one request") };
    assert_eq!((method.as_str(), &body[..]), ("POST", &[0xFF, 0][..]));
    assert!(uri.starts_with("/connections/projects%2Fp%2Flocations%2Fl%2Fregistries%2Freg%2Fdevices%2Fpi-1/messages?"), "{uri}");
    assert!(uri.contains("topic=%2Fdevices%2Fpi-1%2Fcommands%2Fa%2Fb") && uri.contains("confirmation=true"), "{uri}");
}

#[tokio::test]
async fn a_device_that_is_silent_or_gone_is_an_answer_and_nothing_is_sent_twice() {
    for (connection, delivery) in [(Connection::Silent, Delivery::TimedOut), (Connection::Gone, Delivery::NotConnected)] {
        let scene = Scene::with(connection).await;
        assert_eq!(scene.iot.deliver(&scene.key, command("")).await.unwrap(), delivery);
        assert_eq!(scene.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_device_whose_name_aws_iot_cannot_carry_is_refused_and_its_last_error_says_why() {
    for (id, says) in [("d".repeat(100), "of 146 bytes exceeds the limit of AWS IoT, 128 bytes"), ("a+b".into(), "`a+b` has a `+`")] {
        let mut scene = Scene::with(Connection::Acknowledges).await;
        scene.key.id = id.parse().unwrap();
        let refused = scene.iot.check(&scene.key).unwrap_err();
        assert!(matches!(&refused, DomainError::Precondition(why) if why.contains(says)), "{refused}");
        let failed = scene.iot.deliver(&scene.key, command("")).await.unwrap_err();
        assert!(!failed.is_retryable() && failed.to_string().contains(says), "{failed}");
        scene.register(false).await;
        scene.iot.hint(&scene.key).await.unwrap();
        let status = scene.stores.statuses.get(&scene.key.to_string()).await.unwrap().unwrap().value;
        let error = status.last_error.unwrap();
        assert!(error.code == 9 && error.message.contains(says) && error.message.contains("only asked for over HTTP"), "{error:?}");
        assert!(scene.seen().is_empty(), "AWS is not asked");
    }
}

#[tokio::test]
async fn a_configuration_is_sent_until_it_is_acknowledged_and_again_at_a_subscription() {
    let scene = Scene::with(Connection::Acknowledges).await;
    scene.register(false).await;
    scene.iot.hint(&scene.key).await.unwrap();
    assert_eq!((scene.seen()[0].2.as_slice(), scene.acknowledged().await), (&b"fast"[..], Some(NOW)));
    scene.iot.hint(&scene.key).await.unwrap();
    assert!(scene.seen().is_empty(), "it has been acknowledged");
    scene.iot.configure(&scene.key, When::Subscribed).await.unwrap();
    assert_eq!(scene.seen().len(), 1);
}

#[tokio::test]
async fn a_configuration_that_nobody_acknowledged_says_so() {
    for connection in [Connection::Silent, Connection::Gone] {
        let scene = Scene::with(connection).await;
        scene.register(false).await;
        scene.iot.hint(&scene.key).await.unwrap();
        assert_eq!((scene.seen().len(), scene.acknowledged().await), (1, None));
    }
}

#[tokio::test]
async fn a_device_that_is_blocked_or_gone_is_disconnected() {
    for registered in [true, false] {
        let scene = Scene::with(Connection::Acknowledges).await;
        if registered {
            scene.register(true).await;
        }
        scene.iot.hint(&scene.key).await.unwrap();
        let [(method, uri, _)] = &scene.seen()[..] else { panic!("one request") };
        assert!(method == "DELETE" && uri.starts_with("/connections/projects%2F"), "{method} {uri}");
    }
    let away = Scene::with(Connection::Gone).await;
    away.iot.hint(&away.key).await.unwrap();
}

#[tokio::test]
async fn what_aws_refuses_is_said_and_sent_once() {
    for (status, kind, passes, says) in [
        (429, "ThrottlingException", true, "ThrottlingException"),
        (503, "ServiceUnavailableException", true, "ServiceUnavailableException"),
        (500, "InternalFailureException", true, "InternalFailureException"),
        (403, "ForbiddenException", false, "grant iot:SendDirectMessage"),
    ] {
        let scene = Scene::with(Connection::Refused(status, kind)).await;
        let e = scene.iot.deliver(&scene.key, command("")).await.unwrap_err();
        assert!(e.is_retryable() == passes && e.to_string().contains(says), "{e}");
        assert_eq!(scene.seen().len(), 1, "AWS may have sent it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_ends_a_command_in_time_and_the_next_goes_through() {
    let mut line = None;
    let scene = Scene::by_way_of(Connection::Acknowledges, |addr| line.insert(ChaosProxy::to(addr).unwrap()).addr()).await;
    let line = line.unwrap();
    line.cut();
    let e = scene.iot.deliver(&scene.key, command("")).await.unwrap_err();
    assert!(e.is_retryable() && scene.seen().is_empty(), "{e}");
    line.restore();
    assert_eq!(scene.iot.deliver(&scene.key, command("")).await.unwrap(), Delivery::Acknowledged);
    line.black_hole();
    let began = Instant::now();
    assert_eq!(scene.iot.deliver(&scene.key, command("")).await.unwrap(), Delivery::TimedOut);
    assert!(began.elapsed() < Duration::from_secs(18), "{:?}", began.elapsed());
    line.restore();
    assert_eq!(scene.iot.deliver(&scene.key, command("")).await.unwrap(), Delivery::Acknowledged);
    assert_eq!(scene.seen().len(), 2, "what was swallowed is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_at_once_are_each_answered_by_their_own() {
    let scene = Scene::with(Connection::Acknowledges).await;
    let sent = (0..32).map(|n| {
        let (iot, key) = (scene.iot.clone(), scene.key.clone());
        tokio::spawn(async move { iot.deliver(&key, command(&format!("n{n}"))).await.unwrap() })
    });
    for answered in sent.collect::<Vec<_>>() {
        assert_eq!(answered.await.unwrap(), Delivery::Acknowledged);
    }
    let topics: std::collections::BTreeSet<_> = scene.seen().into_iter().map(|(_, uri, _)| uri).collect();
    assert_eq!(topics.len(), 32);
}
