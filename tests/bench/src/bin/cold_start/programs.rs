//! What is started: ours as an installation at Google has it, and the peers.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::exchange::Exchange;

/// As the table calls them.
pub(crate) const AXUM: &str = "axum";
const PYTHON: &str = "python";
/// Those that answer HTTP.
const FUNCTIONS: [&str; 5] = ["token-exchange", "command-relay", "storage-download", "pubsub-fanout", "device-registry"];
const PROVIDER: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/d";
/// Nothing listens there: adapters must not wait for their service before they answer.
const NOWHERE: &str = "127.0.0.1:9";

/// Something that answers HTTP where it is told to.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) is_peer: bool,
    pub(crate) command: Box<dyn Fn(SocketAddr) -> Command>,
    /// The first request, whole.
    pub(crate) request: String,
    /// Stands in its answer.
    pub(crate) expected: &'static str,
}

/// All of them; `folder` has room for their files.
pub(crate) fn all(function: &Path, folder: &Path) -> Result<Vec<Program>> {
    let credentials = folder.join("credentials.json");
    fs::write(&credentials, external_account(folder).to_string())?;
    let mut programs: Vec<_> = FUNCTIONS.iter().map(|name| in_the_cloud(function, name, &credentials, folder)).collect();
    let exchange = Exchange::prepare(function, folder)?;
    programs.push(exchange.ours(function));
    programs.push(axum()?);
    if let Some(python) = env::var_os("DRAWBRIDGE_TEST_PYTHON") {
        programs.push(exchange.python(PYTHON, python.into()));
    }
    Ok(programs)
}

/// A function with Google's adapters and credentials as they are on AWS: nothing secret, everything asked for when needed.
fn in_the_cloud(function: &Path, name: &'static str, credentials: &Path, folder: &Path) -> Program {
    let (function, credentials, data) = (function.to_owned(), credentials.to_owned(), folder.join("data"));
    let command = move |at: SocketAddr| {
        let mut command = shipped(&function, at);
        command.envs([("DRAWBRIDGE_FUNCTIONS", name), ("DRAWBRIDGE_RECORDS", "firestore://bench"), ("DRAWBRIDGE_OBJECTS", "gs://")]);
        command.envs([("DRAWBRIDGE_PUBLISHER", "pubsub://bench"), ("DRAWBRIDGE_ADMIN_TOKEN", "bench"), ("DRAWBRIDGE_TOKENS", PROVIDER)]);
        command.envs([("DRAWBRIDGE_COMMANDS", &*format!("nats://{NOWHERE}")), ("DRAWBRIDGE_ISSUER", "https://issuer.example")]);
        command.env("GOOGLE_APPLICATION_CREDENTIALS", &credentials).env("DRAWBRIDGE_DATA", &data);
        command
    };
    Program { name, is_peer: false, command: Box::new(command), request: healthz(), expected: "ok" }
}

/// `function` with the roots that it is shipped with, and nothing else in its environment.
pub(crate) fn shipped(function: &Path, at: SocketAddr) -> Command {
    let mut command = Command::new(function);
    command.env_clear().env("DRAWBRIDGE_HTTP", at.to_string()).env("DRAWBRIDGE_LOG", "error");
    command.env("SSL_CERT_FILE", concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/images/roots.pem"));
    command
}

fn axum() -> Result<Program> {
    let program: PathBuf = env::current_exe()?.parent().context("no folder of programs")?.join("smallest_axum");
    let command = move |at: SocketAddr| {
        let mut command = Command::new(&program);
        command.arg(at.to_string());
        command
    };
    Ok(Program { name: AXUM, is_peer: true, command: Box::new(command), request: healthz(), expected: "ok" })
}

fn healthz() -> String {
    "GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n".into()
}

fn external_account(folder: &Path) -> serde_json::Value {
    json!({
        "type": "external_account", "audience": PROVIDER, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("http://{NOWHERE}/"), "credential_source": { "file": folder.join("subject") },
    })
}
