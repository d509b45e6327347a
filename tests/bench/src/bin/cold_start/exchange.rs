//! The exchange of a device's token, by ours and by a Python program: a JWT in, an access token out.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::process::Running;
use crate::programs::{Program, shipped};

const PROJECT: &str = "bench";
const REGISTRIES: &str = "projects/bench/locations/europe-west1/registries";
const DEVICE: &str = "projects/bench/locations/europe-west1/registries/reg/devices/ann";
/// In the answers of both.
const EXPECTED: &str = "access_token";
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/token_exchange.py");

/// A registered device and its token.
pub(crate) struct Exchange {
    token: String,
    records: PathBuf,
    data: PathBuf,
    public: PathBuf,
}

impl Exchange {
    /// Registers a device, in records on disk in `folder`.
    pub(crate) fn prepare(function: &Path, folder: &Path) -> Result<Self> {
        let key = KeyPair::generate()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({"aud": PROJECT, "iat": now, "exp": now + 12 * 3600});
        let private = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes())?;
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &private)?;
        let [records, data, public] = ["records", "keys", "device.pem"].map(|name| folder.join(name));
        fs::write(&public, key.public_key_pem())?;
        let exchange = Self { token, records, data, public };
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

    fn program(&self, function: &Path, functions: &'static str, request: String) -> Program {
        let (function, records, data) = (function.to_owned(), format!("sled:{}", self.records.display()), self.data.clone());
        let command = move |at: SocketAddr| {
            let mut command = shipped(&function, at);
            command.envs([("DRAWBRIDGE_FUNCTIONS", functions), ("DRAWBRIDGE_RECORDS", &records), ("DRAWBRIDGE_TOKENS", "local")]);
            command.envs([("DRAWBRIDGE_ADMIN_TOKEN", "bench"), ("DRAWBRIDGE_COMMANDS", "nats://127.0.0.1:9")]);
            command.env("DRAWBRIDGE_DATA", &data);
            command
        };
        Program { name: "an exchange", is_peer: false, command: Box::new(command), request, expected: EXPECTED }
    }

    /// [`PEER`], run by `python`.
    pub(crate) fn python(&self, name: &'static str, python: PathBuf) -> Program {
        let public = self.public.clone();
        let command = move |at: SocketAddr| {
            let mut command = Command::new(&python);
            command.arg(PEER).arg(at.port().to_string()).arg(&public).arg(PROJECT);
            command
        };
        Program { name, is_peer: true, command: Box::new(command), request: self.request(), expected: EXPECTED }
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
