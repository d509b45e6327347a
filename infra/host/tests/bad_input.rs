//! What `drawbridge-function` says when what it stands on is not as it should be: one sentence with the place, the cause and what to
//! look at. It goes on, and needs no restart when the cause is gone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Long enough for the SDK's own retries on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A process of an installation, ended with this value.
struct Function {
    process: Child,
    dir: TempDir,
}

impl Function {
    /// The registry over the records at `url`.
    fn start(url: &str, variables: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge-function"));
        command.env_clear();
        command.envs([("DRAWBRIDGE_FUNCTIONS", "device-registry"), ("DRAWBRIDGE_RECORDS", url), ("DRAWBRIDGE_COMMANDS", "none:")]);
        command
            .envs([("DRAWBRIDGE_ADMIN_TOKEN", "t"), ("DRAWBRIDGE_HTTP", "127.0.0.1:0")])
            .env("DRAWBRIDGE_READY_FILE", dir.path().join("ready"))
            .envs(variables.iter().copied());
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let process = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Self { process, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The line that says that the records do not answer.
    async fn complaint(&mut self) -> String {
        self.line("do not answer").await
    }

    /// The line with these words; the process goes on after it.
    async fn line(&mut self, words: &str) -> String {
        let line = wait(|| read(&self.path("log")).lines().find(|line| line.contains(words)).map(str::to_owned)).await;
        assert!(self.process.try_wait().unwrap().is_none(), "it goes on: {}", read(&self.path("log")));
        line
    }

    async fn readyz(&self) -> u16 {
        let ready = wait(|| serde_json::from_str::<serde_json::Value>(&read(&self.path("ready"))).ok()).await;
        let url = format!("http://{}/readyz", ready["http"].as_str().unwrap());
        reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap().status().as_u16()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

async fn wait<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "nothing came in {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A port at which nobody answers.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// DynamoDB, as it answers each call: what it refuses cannot be had of an emulator, which has no rights.
async fn dynamodb(at: SocketAddr, status: StatusCode, body: &'static str) -> JoinHandle<()> {
    let listener = tokio::net::TcpListener::bind(at).await.unwrap();
    let answer = move || async move { (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response() };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() })
}

fn over_dynamodb(at: SocketAddr) -> Function {
    let endpoint = format!("http://{at}");
    let keys = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_REGION", "eu-central-1")];
    Function::start("dynamodb://drawbridge", &[&keys[..], &[("AWS_ENDPOINT_URL", &endpoint)]].concat())
}

#[tokio::test]
async fn a_dependency_that_is_down_at_the_start_is_named_and_nothing_is_restarted_when_it_is_back() {
    let at = nobody();
    let mut function = over_dynamodb(at);
    let said = function.complaint().await;
    for part in ["The records at `dynamodb://drawbridge` do not answer", "named right", "nothing has to be started again"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(function.readyz().await, 503);
    let back = dynamodb(at, StatusCode::OK, "{}").await;
    let end = Instant::now() + LIMIT;
    while function.readyz().await != 200 {
        assert!(Instant::now() < end, "{}", read(&function.path("log")));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    back.abort();
}

#[tokio::test]
async fn a_missing_permission_is_named_with_what_the_cloud_said_and_which_rights_are_needed() {
    let at = nobody();
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: drawbridge-registry is not authorized to perform: dynamodb:GetItem"}"#;
    let cloud = dynamodb(at, StatusCode::BAD_REQUEST, denied).await;
    let said = over_dynamodb(at).complaint().await;
    assert!(said.contains("AccessDenied") && said.contains("this role may GetItem and PutItem"), "{said}");
    cloud.abort();
}

#[tokio::test]
async fn a_wrong_account_or_table_is_named_with_where_to_look() {
    let at = nobody();
    let absent = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"Requested resource not found"}"#;
    let cloud = dynamodb(at, StatusCode::BAD_REQUEST, absent).await;
    let said = over_dynamodb(at).complaint().await;
    assert!(said.contains("ResourceNotFound") && said.contains("check that the table is in this region and named right"), "{said}");
    cloud.abort();
}

#[tokio::test]
async fn a_project_that_does_not_answer_is_named_with_its_database() {
    let nobody = nobody().to_string();
    let said = Function::start("firestore://wrong-project/records", &[("FIRESTORE_EMULATOR_HOST", &nobody)]).complaint().await;
    assert!(said.contains("`firestore://wrong-project/records`") && said.contains("check that project and database are there"), "{said}");
}

#[tokio::test]
async fn a_command_bus_that_is_down_at_the_start_is_named_with_what_goes_on() {
    let nobody = nobody();
    let mut function = Function::start("memory:", &[("DRAWBRIDGE_COMMANDS", &format!("nats://{nobody}"))]);
    let said = function.line("The command bus at").await;
    assert!(said.contains(&nobody.to_string()) && said.contains("commands fail until it is back, telemetry goes on"), "{said}");
    assert_eq!(function.readyz().await, 200, "the records answer");
}

#[tokio::test]
async fn a_publisher_that_is_down_at_the_start_lets_the_rest_go_on() {
    let nobody = nobody().to_string();
    let variables =
        [("DRAWBRIDGE_FUNCTIONS", "pubsub-fanout"), ("DRAWBRIDGE_PUBLISHER", "pubsub://my-project"), ("PUBSUB_EMULATOR_HOST", &nobody)];
    let function = Function::start("memory:", &variables);
    assert_eq!(function.readyz().await, 200, "it is asked at the first publish, which fails and is sent again");
}

#[test]
fn a_project_that_can_be_none_stops_the_start() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge-function"));
    command.env_clear().envs([("DRAWBRIDGE_FUNCTIONS", "device-registry"), ("DRAWBRIDGE_RECORDS", "firestore://My Project")]);
    let out = command.envs([("DRAWBRIDGE_COMMANDS", "none:"), ("DRAWBRIDGE_ADMIN_TOKEN", "t")]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!((out.status.code(), said.lines().count()), (Some(64), 1), "{said}");
    assert!(said.contains("records `firestore://My Project`"), "{said}");
}

#[test]
fn an_address_that_somebody_else_has_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge-function"));
    command.env_clear().envs([("DRAWBRIDGE_FUNCTIONS", "device-registry"), ("DRAWBRIDGE_RECORDS", "memory:"), ("DRAWBRIDGE_HTTP", &at)]);
    let out = command.envs([("DRAWBRIDGE_COMMANDS", "none:"), ("DRAWBRIDGE_ADMIN_TOKEN", "t")]).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("DRAWBRIDGE_HTTP") && said.contains(&at) && said.contains("in use"), "{said}");
}
