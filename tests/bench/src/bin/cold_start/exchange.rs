//! The exchange of a device's token, by ours and by a Python program: a JWT in, an access token out. Ours has its records in
//! DynamoDB, as on Lambda, and the stand-in for Google's token services in the same process; Python has the device's key in a file
//! and a token service of its own.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};
use stage::Http;

use crate::process::Running;
use crate::programs::{Home, Program, aws_keys, shipped};

const PROJECT: &str = "bench";
const REGISTRIES: &str = "projects/bench/locations/europe-west1/registries";
/// What the stand-in for AWS listens at.
const AWS: &str = "AWS_ENDPOINT_URL";
const RECORDS: &str = "dynamodb://bench";
const DEVICE: &str = "projects/bench/locations/europe-west1/registries/reg/devices/ann";
/// In the answers of both.
const EXPECTED: &str = "access_token";
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/token_exchange.py");

/// A registered device and its token.
pub(crate) struct Exchange {
    token: String,
    data: PathBuf,
    public: PathBuf,
}

impl Exchange {
    /// Registers a device. `folder` has room for keys.
    pub(crate) fn prepare(function: &Path, folder: &Path) -> Result<Self> {
        let key = KeyPair::generate()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({"aud": PROJECT, "iat": now, "exp": now + 12 * 3600});
        let private = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes())?;
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &private)?;
        make_table()?;
        let [data, public] = ["keys", "device.pem"].map(|name| folder.join(name));
        fs::write(&public, key.public_key_pem())?;
        let exchange = Self { token, data, public };
        let mut registry = Running::start(&exchange.program(function, "token-exchange,device-registry", String::new()))?;
        for (path, body) in [
            (REGISTRIES.to_owned(), json!({"id": "reg"})),
            (
                format!("{REGISTRIES}/reg/devices"),
                json!({
                    "id": "ann", "credentials": [{"publicKey": {"format": "ES256_PEM", "key": key.public_key_pem()}}],
                }),
            ),
        ] {
            let answer = registry.ask(&post(&format!("/v1/{path}"), "bench", &body))?;
            ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        // The signing key is made before the first exchange, not in it.
        let answer = registry.ask(&exchange.request())?;
        ensure!(answer.contains(EXPECTED), "{answer}");
        Ok(exchange)
    }

    /// Ours, with the stand-in for Google's token services in the same process.
    pub(crate) fn ours(&self, function: &Path) -> Program {
        self.program(function, "token-exchange", self.request())
    }

    fn program(&self, function: &Path, functions: &'static str, question: String) -> Program {
        let (function, data) = (function.to_owned(), self.data.clone());
        let command = move |at: SocketAddr| {
            let mut command = shipped(&function, at);
            command.envs([("DRAWBRIDGE_FUNCTIONS", functions), ("DRAWBRIDGE_RECORDS", RECORDS), ("DRAWBRIDGE_TOKENS", "local")]);
            command.envs([("DRAWBRIDGE_ADMIN_TOKEN", "bench"), ("DRAWBRIDGE_COMMANDS", "nats://127.0.0.1:9")]);
            command.env("DRAWBRIDGE_DATA", &data).envs(aws_keys()).envs(env::var_os(AWS).map(|at| (AWS, at)));
            command
        };
        Program {
            name: "an exchange, image",
            is_peer: false,
            is_held: false,
            home: Home::Server,
            command: Box::new(command),
            question,
            expected: EXPECTED,
        }
    }

    /// [`PEER`], run by `python`.
    pub(crate) fn python(&self, name: &'static str, python: PathBuf) -> Program {
        let public = self.public.clone();
        let command = move |at: SocketAddr| {
            let mut command = Command::new(&python);
            command.arg(PEER).arg(at.port().to_string()).arg(&public).arg(PROJECT);
            command
        };
        Program {
            name,
            is_peer: true,
            is_held: false,
            home: Home::Server,
            command: Box::new(command),
            question: self.request(),
            expected: EXPECTED,
        }
    }

    fn request(&self) -> String {
        let body = json!({"scope": "https://www.googleapis.com/auth/pubsub"});
        post(&format!("/v1beta1/{DEVICE}:generateAccessToken"), &self.token, &body)
    }
}

fn post(path: &str, token: &str, body: &Value) -> String {
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: application/json");
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The table of terraform/modules/aws/records, in the stand-in, which reads service and region out of the signature.
fn make_table() -> Result<()> {
    let at = env::var(AWS).with_context(|| format!("{AWS} is not set: run `cargo xtask bench cold-start`"))?;
    let signed = "AWS4-HMAC-SHA256 Credential=bench/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    let http = Http::to(at.trim_start_matches("http://").parse()?).with_header("authorization", signed);
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let table = json!({
        "TableName": "bench", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [text("kind"), text("key")],
        "KeySchema": [key("kind", "HASH"), key("key", "RANGE")],
    });
    let mut http = http.with_header("x-amz-target", "DynamoDB_20120810.CreateTable");
    http.send("POST", "/", "application/x-amz-json-1.0", table.to_string().as_bytes())?.success("the table")?;
    Ok(())
}
