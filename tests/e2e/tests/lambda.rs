//! The program on AWS Lambda, by an emulator of Lambda's APIs that is not ours: the same routes over HTTP, what devices sent out
//! of a queue into Google's Pub/Sub emulator, and AWS IoT's question who a device is. Records in DynamoDB as moto plays it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e_tests::{AwsAccount, LambdaFunction, PubSub, Scene, device_token, setting, wait_until};
use serde_json::{Value, json};
use stage::{Administrator, DeviceId, Http, Shim};

const REGISTRY: &str = "greenhouse";
const TOKEN_LIFE: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(20);

/// The account, the topic, the functions over HTTP, and one device.
struct Stage {
    account: AwsAccount,
    topic: PubSub,
    pubsub: String,
    project: String,
    administrator: Administrator,
    device: DeviceId,
    token: String,
    /// Alive as long as the stage.
    http: LambdaFunction,
}

impl Stage {
    fn set(scene: &Scene, name: &str) -> Result<Self> {
        let project = format!("{name}-{}", std::process::id());
        let account = AwsAccount::open(name)?;
        let topic = PubSub::subscribe(&project)?;
        let (pubsub, publisher) = (setting("PUBSUB_EMULATOR_HOST")?, format!("pubsub://{project}"));
        let variables = [
            ("DRAWBRIDGE_FUNCTIONS", "device-registry,pubsub-fanout"),
            ("DRAWBRIDGE_EVENTS", "http"),
            ("DRAWBRIDGE_PUBLISHER", &publisher),
            ("DRAWBRIDGE_COMMANDS", "awsiot:"),
            ("DRAWBRIDGE_ADMIN_TOKEN_SECRET", &account.secret),
            ("PUBSUB_EMULATOR_HOST", &pubsub),
        ];
        let http = LambdaFunction::start(scene, &account, "http", &variables)?;
        let administrator = Administrator { http: http.addr, project: project.clone() };
        administrator.create_registry(REGISTRY, &topic.topic)?;
        let dir = scene.folder("device")?;
        let device = administrator.create_device(REGISTRY, "pi-1", &Shim::keygen(&scene.binaries, &dir)?)?;
        let token = device_token(&Shim::private_key_file(&dir), &project, TOKEN_LIFE)?;
        Ok(Self { account, topic, pubsub, project, administrator, device, token, http })
    }

    fn read_device(&self) -> Result<Value> {
        self.administrator.client().get(&format!("/v1/{}", self.device.name()))?.success("reading the device")?.json()
    }

    /// The payloads and reading ids that arrived, sorted.
    fn arrived(&mut self, count: usize) -> Result<Vec<(String, String)>> {
        let mut all = Vec::new();
        wait_until("the messages", PATIENCE, || {
            all.extend(self.topic.take()?.into_iter().map(|a| (String::from_utf8_lossy(&a.data).into_owned(), a.reading_id)));
            Ok(all.len() >= count)
        })?;
        all.sort();
        Ok(all)
    }
}

#[test]
fn the_same_routes_answer_over_http_on_lambda() -> Result<()> {
    Scene::play("lambda-http", |scene| {
        let mut stage = Stage::set(scene, "lambda-http")?;
        let healthy = Http::to(stage.http.addr).get("/healthz")?;
        assert_eq!((healthy.status, healthy.text().as_str()), (200, "ok\n"));
        let unknown = stage.administrator.client().get("/v1/projects/p/locations/l/registries/none")?;
        assert_eq!((unknown.status, unknown.json()?["error"]["status"].clone()), (404, json!("NOT_FOUND")));
        let event = json!({ "binary_data": STANDARD.encode("21.5") });
        let mut device = Http::to(stage.http.addr).with_bearer(&stage.token);
        device.json("POST", &format!("/v1/{}:publishEvent", stage.device.name()), &event)?.success("the event")?;
        assert_eq!(stage.arrived(1)?, [("21.5".to_owned(), String::new())]);
        let stranger = Http::to(stage.http.addr).json("POST", &format!("/v1/{}:publishEvent", stage.device.name()), &event)?;
        assert_eq!(stranger.status, 401, "{}", stranger.text());
        Ok(())
    })
}

/// A message as the rules of terraform/modules/aws/iot-bridge write it, as SQS hands it over.
fn record(id: &str, client_id: &str, topic: &str, payload: &str) -> Value {
    let body =
        json!({ "clientId": client_id, "topic": topic, "binaryData": STANDARD.encode(payload), "receivedAtMs": 1, "readingId": [id] });
    json!({ "messageId": id, "receiptHandle": "r", "eventSource": "aws:sqs", "body": body.to_string() })
}

#[test]
fn a_batch_of_the_queue_is_published_and_each_message_is_answered_by_itself() -> Result<()> {
    Scene::play("lambda-queue", |scene| {
        let mut stage = Stage::set(scene, "lambda-queue")?;
        let publisher = format!("pubsub://{}", stage.project);
        let variables = [
            ("DRAWBRIDGE_FUNCTIONS", "pubsub-fanout"),
            ("DRAWBRIDGE_EVENTS", "queue"),
            ("DRAWBRIDGE_PUBLISHER", &publisher),
            ("PUBSUB_EMULATOR_HOST", &stage.pubsub),
        ];
        let mut queue = LambdaFunction::start(scene, &stage.account, "queue", &variables)?;
        let lost = stage.administrator.create_registry("lost", "no-topic").and_then(|_| {
            let key = Shim::keygen(&scene.binaries, &scene.folder("lost")?)?;
            stage.administrator.create_device("lost", "pi-9", &key)
        })?;
        let name = stage.device.name();
        let batch = json!({ "Records": [
            record("1-1", &name, "/devices/pi-1/events", "one"),
            record("1-2", &name, "/devices/pi-2/events", "another device's topic"),
            record("1-3", &lost.name(), "/devices/pi-9/events", "its topic is missing"),
            record("1-4", &name, "/devices/pi-1/events/deep", "two"),
            record("1-5", &name.replace("pi-1", "pi-5"), "/devices/pi-5/events", "no such device"),
            record("1-6", &name, "/devices/pi-1/state", "awake"),
            json!({ "messageId": "1-7", "body": "?" }),
        ] });
        assert_eq!(queue.invoke(&batch)?, json!({ "batchItemFailures": [{ "itemIdentifier": "1-3" }] }));
        let expected = [("one", "1-1"), ("two", "1-4")].map(|(data, id)| (data.to_owned(), id.to_owned()));
        assert_eq!(stage.arrived(2)?, expected);
        let device = stage.read_device()?;
        assert_eq!(device["state"]["binaryData"], STANDARD.encode("awake"), "{device}");
        assert_eq!(queue.invoke(&json!({ "Records": [] }))?, json!({ "batchItemFailures": [] }));
        let log = std::fs::read_to_string(queue.process.log())?;
        assert_eq!(log.matches("Dropped a message of a device").count(), 3, "{log}");
        Ok(())
    })
}

fn question(client_id: &str, token: &str) -> Value {
    json!({
        "signatureVerified": false,
        "protocols": ["tls", "mqtt"],
        "protocolData": {
            "tls": { "serverName": "a.iot.eu-central-1.amazonaws.com" },
            "mqtt": { "username": "unused", "password": STANDARD.encode(token), "clientId": client_id },
        },
        "connectionMetadata": { "id": "8b3cbf34-0000-4000-8000-000000000000" },
    })
}

#[test]
fn aws_iot_is_told_who_a_device_is_and_what_it_may_do() -> Result<()> {
    Scene::play("lambda-authorizer", |scene| {
        let stage = Stage::set(scene, "lambda-authorizer")?;
        let variables = [("DRAWBRIDGE_FUNCTIONS", "bridge"), ("DRAWBRIDGE_EVENTS", "authorizer")];
        let mut authorizer = LambdaFunction::start(scene, &stage.account, "authorizer", &variables)?;
        let name = stage.device.name();

        let admitted = authorizer.invoke(&question(&name, &stage.token))?;
        assert_eq!(admitted["isAuthenticated"], true, "{admitted}");
        assert_eq!(admitted["principalId"], stage.read_device()?["numId"]);
        let disconnect = admitted["disconnectAfterInSeconds"].as_u64().context("no time")?;
        // An hour, and the ten minutes that clocks may differ.
        assert!((4_100..=4_200).contains(&disconnect), "{disconnect}");
        let documents = admitted["policyDocuments"].as_array().context("no policies")?;
        let allowed = documents.iter().flat_map(|d| d["Statement"][0]["Resource"].as_array().unwrap());
        assert!(allowed.clone().all(|arn| arn.as_str().unwrap().contains("/devices/pi-1")), "{admitted}");
        assert!(allowed.clone().any(|arn| *arn == format!("arn:aws:iot:*:*:client/{name}")), "{admitted}");

        let other = device_token(&Shim::private_key_file(&scene.dir.join("device")), "another-project", TOKEN_LIFE)?;
        assert_eq!(authorizer.invoke(&question(&name, &other))?, json!({ "isAuthenticated": false }));
        let noted = stage.read_device()?["lastErrorStatus"]["message"].to_string();
        assert!(noted.contains("token audience `another-project` does not match"), "{noted}");
        let absent = name.replace("pi-1", "pi-2");
        assert_eq!(authorizer.invoke(&question(&absent, &stage.token))?, json!({ "isAuthenticated": false }));
        let long = format!("{name}{}", "x".repeat(100));
        assert_eq!(authorizer.invoke(&question(&long, &stage.token))?, json!({ "isAuthenticated": false }));
        let log = std::fs::read_to_string(authorizer.process.log())?;
        assert!(log.contains("exceeds the limit of AWS IoT, 128 bytes") && !log.contains(&stage.token), "{log}");
        Ok(())
    })
}
