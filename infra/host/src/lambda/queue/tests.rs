//! A device that subscribed, against a server on loopback that takes what is sent to it as AWS does and always acknowledges.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use domain::command::{NewCommand, Queue as Commands};
use domain::ports::{Clock, Expect};
use domain::status::StatusBook;
use domain::{Device, DeviceKey, Registry, config};
use infra_aws::Aws;
use infra_local::{SystemClock, TopicLog};
use serde_json::json;

use super::*;

const DEVICE: &str = "projects/p/locations/l/registries/reg/devices/pi-1";

type Sent = Arc<Mutex<Vec<String>>>;

/// The topic of each message that the stand-in acknowledged.
async fn acknowledge(State(sent): State<Sent>, request: Request) -> &'static str {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let topic = query.split('&').find_map(|pair| pair.strip_prefix("topic=")).unwrap_or_default();
    sent.lock().unwrap().push(topic.replace("%2F", "/"));
    "{}"
}

async fn stand_in() -> (String, Sent) {
    let (listener, sent) = (tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(), Sent::default());
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(acknowledge).with_state(sent.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (endpoint, sent)
}

fn device(key: &DeviceKey) -> Device {
    serde_json::from_value(json!({
        "key": key, "num_id": 7, "credentials": [], "blocked": false, "metadata": {}, "log_level": "Unspecified",
        "gateway": { "kind": "Unspecified", "auth_method": "Unspecified" },
    }))
    .unwrap()
}

fn registry(key: &DeviceKey) -> Registry {
    serde_json::from_value(json!({
        "name": key.registry, "routes": [], "state_topic": null, "mqtt_enabled": true, "http_enabled": true, "log_level": "Unspecified",
        "ca_certificates": [],
    }))
    .unwrap()
}

#[tokio::test]
async fn a_device_that_subscribed_is_sent_its_configuration_and_what_waited() {
    let folder = tempfile::tempdir().unwrap();
    let (endpoint, sent) = stand_in().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stores = infra_local::memory_stores();
    let statuses = Arc::new(StatusBook::new(stores.clone(), clock.clone()));
    let iot = AwsIot::new(Aws::of_a_stand_in(), Some(endpoint), stores.clone(), statuses.clone(), clock.clone());
    let key = DeviceKey { registry: "projects/p/locations/l/registries/reg".parse().unwrap(), id: "pi-1".parse().unwrap() };
    stores.registries.put(&key.registry.to_string(), &registry(&key), Expect::Absent).await.unwrap();
    stores.devices.put(DEVICE, &device(&key), Expect::Absent).await.unwrap();
    config::update(&stores, &key, b"fast".to_vec(), None, clock.now()).await.unwrap();
    let waiting = Commands { stores: &stores, channel: &iot, clock: &*clock };
    let to = Recipient { key: key.clone(), num_id: 7 };
    let new = NewCommand { id: None, subfolder: "led".into(), data: b"on".to_vec(), ttl: Duration::from_secs(60) };
    waiting.take(&to, new, 1).await.unwrap();
    let publisher = Arc::new(TopicLog::open(folder.path(), clock.clone()).unwrap());
    let queue = Queue::new(FanOut { publisher, stores: stores.clone(), statuses, clock }, Some(iot));

    let body = json!({ "clientId": DEVICE, "eventType": "subscribed", "receivedAtMs": 1, "topics": ["/devices/pi-1/config", "/devices/pi-1/commands/#"] });
    let batch = serde_json::from_value(json!({ "Records": [{ "messageId": "1", "body": body.to_string() }] })).unwrap();
    assert_eq!(queue.answer(batch).await, Answer::default());
    assert_eq!(*sent.lock().unwrap(), ["/devices/pi-1/config", "/devices/pi-1/commands/led"]);
    assert!(config::latest(&stores, &key).await.unwrap().unwrap().device_ack_time.is_some());
}
