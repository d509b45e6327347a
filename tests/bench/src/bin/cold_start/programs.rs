//! What is started: ours as installations at Google and at AWS have it, and the peers.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::exchange::Exchange;

/// As the table calls them.
pub(crate) const AXUM: &str = "axum";
const PYTHON: &str = "python";
/// The roots that ours is shipped with.
pub(crate) const ROOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/images/roots.pem");
const PROVIDER: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/d";
/// Nothing listens there: adapters must not wait for their service before they answer.
const NOWHERE: &str = "127.0.0.1:9";
/// Those that answer HTTP, in an installation at Google.
const AT_GOOGLE: [(&str, &str); 5] = [
    ("token-exchange", "token-exchange, image"),
    ("command-relay", "command-relay, image"),
    ("storage-download", "storage-download, image"),
    ("pubsub-fanout", "pubsub-fanout, image"),
    ("device-registry", "device-registry, image"),
];
/// Those of an installation at AWS (terraform/examples/aws), what calls each, and what the answer has in it.
const ON_LAMBDA: [(&str, &str, &str, &str); 7] = [
    ("token-exchange", "http", "token-exchange, Lambda", "ok\\n"),
    ("command-relay", "http", "command-relay, Lambda", "ok\\n"),
    ("storage-download", "http", "storage-download, Lambda", "ok\\n"),
    ("pubsub-fanout", "http", "pubsub-fanout, Lambda", "ok\\n"),
    ("device-registry", "http", "device-registry, Lambda", "ok\\n"),
    ("pubsub-fanout", "queue", "queue, Lambda", "batchItemFailures"),
    ("bridge", "authorizer", "authorizer, Lambda", "isAuthenticated"),
];

/// Our programs, as they are shipped.
pub(crate) struct Shipped {
    pub(crate) image: PathBuf,
    pub(crate) lambda: PathBuf,
}

/// How a program is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// By HTTP, where it is told to listen.
    Server,
    /// By an event, which it fetches where it is told to.
    Lambda,
}

/// Something that answers.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) is_peer: bool,
    /// Whether the goals are for it.
    pub(crate) is_held: bool,
    pub(crate) home: Home,
    pub(crate) command: Box<dyn Fn(SocketAddr) -> Command>,
    /// The first request, whole, or the event.
    pub(crate) question: String,
    /// Stands in its answer.
    pub(crate) expected: &'static str,
}

/// All of them; `folder` has room for their files.
pub(crate) fn all(shipped: &Shipped, folder: &Path) -> Result<Vec<Program>> {
    let credentials = folder.join("credentials.json");
    let account = external_account(folder).to_string();
    fs::write(&credentials, &account)?;
    let mut programs: Vec<_> = AT_GOOGLE.iter().map(|names| at_google(&shipped.image, *names, &credentials, folder)).collect();
    programs.extend(ON_LAMBDA.iter().map(|row| on_lambda(&shipped.lambda, *row, &account)));
    let exchange = Exchange::prepare(&shipped.image, folder)?;
    programs.push(exchange.ours(&shipped.image));
    programs.push(axum()?);
    if let Some(python) = env::var_os("DRAWBRIDGE_TEST_PYTHON") {
        programs.push(exchange.python(PYTHON, python.into()));
    }
    Ok(programs)
}

/// A function with Google's adapters, everything asked for when needed.
fn at_google(program: &Path, (function, name): (&'static str, &'static str), credentials: &Path, folder: &Path) -> Program {
    let (program, credentials, data) = (program.to_owned(), credentials.to_owned(), folder.join("data"));
    let command = move |at: SocketAddr| {
        let mut command = shipped(&program, at);
        command.envs([("DRAWBRIDGE_FUNCTIONS", function), ("DRAWBRIDGE_RECORDS", "firestore://bench"), ("DRAWBRIDGE_OBJECTS", "gs://")]);
        command.envs([("DRAWBRIDGE_PUBLISHER", "pubsub://bench"), ("DRAWBRIDGE_ADMIN_TOKEN", "bench"), ("DRAWBRIDGE_TOKENS", PROVIDER)]);
        command.envs([("DRAWBRIDGE_COMMANDS", &*format!("nats://{NOWHERE}")), ("DRAWBRIDGE_ISSUER", "https://issuer.example")]);
        command.env("GOOGLE_APPLICATION_CREDENTIALS", &credentials).env("DRAWBRIDGE_DATA", &data);
        command
    };
    let question = "GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n".into();
    Program { name, is_peer: false, is_held: true, home: Home::Server, command: Box::new(command), question, expected: "ok" }
}

/// A function as terraform/examples/aws has it, but that the admin token stands in the environment.
fn on_lambda(program: &Path, row: (&'static str, &'static str, &'static str, &'static str), account: &str) -> Program {
    let ((function, events, name, expected), program, account) = (row, program.to_owned(), account.to_owned());
    let command = move |api: SocketAddr| {
        let mut command = Command::new(&program);
        command.env_clear().env("SSL_CERT_FILE", ROOTS).env("DRAWBRIDGE_LOG", "error").envs(aws_keys());
        command.envs([("AWS_LAMBDA_RUNTIME_API", &*api.to_string()), ("AWS_LAMBDA_FUNCTION_NAME", "bench")]);
        command.envs([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"), ("AWS_LAMBDA_FUNCTION_VERSION", "1"), ("DRAWBRIDGE_EVENTS", events)]);
        command.envs([("DRAWBRIDGE_FUNCTIONS", function), ("DRAWBRIDGE_RECORDS", "dynamodb://bench"), ("DRAWBRIDGE_OBJECTS", "gs://")]);
        command.envs([("DRAWBRIDGE_PUBLISHER", "pubsub://bench"), ("DRAWBRIDGE_GOOGLE_CREDENTIALS", &account)]);
        command.envs([("DRAWBRIDGE_COMMANDS", "awsiot:"), ("DRAWBRIDGE_ADMIN_TOKEN", "bench"), ("DRAWBRIDGE_TOKENS", PROVIDER)]);
        command.env("DRAWBRIDGE_SIGNING_KEYS", "awskms://arn:aws:kms:eu-central-1:123456789012:key/k");
        command.env("DRAWBRIDGE_ISSUER", "https://issuer.example");
        command
    };
    let question = event(events).to_string();
    Program { name, is_peer: false, is_held: true, home: Home::Lambda, command: Box::new(command), question, expected }
}

/// What each caller sends: a function URL (payload format 2.0) asks for `/healthz`, the others ask for nothing.
fn event(events: &str) -> Value {
    match events {
        "queue" => json!({ "Records": [] }),
        "authorizer" => json!({ "protocols": [], "protocolData": {} }),
        _ => {
            let http =
                json!({ "method": "GET", "path": "/healthz", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench" });
            let context = json!({
                "accountId": "anonymous", "apiId": "bench", "domainName": "bench", "domainPrefix": "bench", "http": http,
                "requestId": "1", "routeKey": "$default", "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
            });
            json!({
                "version": "2.0", "routeKey": "$default", "rawPath": "/healthz", "rawQueryString": "", "headers": { "host": "bench" },
                "requestContext": context, "isBase64Encoded": false,
            })
        }
    }
}

/// As Lambda gives them to every function; they open nothing.
pub(crate) fn aws_keys() -> [(&'static str, &'static str); 3] {
    [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "bench"), ("AWS_SECRET_ACCESS_KEY", "bench")]
}

/// The image's program with the roots that it is shipped with, and nothing else in its environment.
pub(crate) fn shipped(program: &Path, at: SocketAddr) -> Command {
    let mut command = Command::new(program);
    // That the services are out of reach is meant, and need not be said at every start.
    let log = "error,host::start_check=off";
    command.env_clear().env("DRAWBRIDGE_HTTP", at.to_string()).env("DRAWBRIDGE_LOG", log).env("SSL_CERT_FILE", ROOTS);
    command
}

fn axum() -> Result<Program> {
    let program: PathBuf = env::current_exe()?.parent().context("no folder of programs")?.join("smallest_axum");
    let command = move |at: SocketAddr| {
        let mut command = Command::new(&program);
        command.arg(at.to_string());
        command
    };
    let question = "GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n".into();
    Ok(Program { name: AXUM, is_peer: true, is_held: false, home: Home::Server, command: Box::new(command), question, expected: "ok" })
}

fn external_account(folder: &Path) -> Value {
    json!({
        "type": "external_account", "audience": PROVIDER, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("http://{NOWHERE}/"), "credential_source": { "file": folder.join("subject") },
    })
}
