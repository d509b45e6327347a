//! `drawbridge-function` on cargo-lambda's emulator of the runtime API: one function that HTTP calls, one that the queue calls
//! and one that AWS IoT asks. The two without HTTP are called as AWS's own `Invoke` is, by their names.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use e2e_tests::{AwsAccount, LambdaFunction, Scene, setting};
use serde_json::{Value, json};
use stage::Http;

use super::{FUNCTIONS, Home, prepare_emulators};
use crate::devices::Devices;
use crate::message::{Reply, Request, exchange};
use crate::transcript::Says;

/// Google fetches an issuer's keys over HTTPS only; nobody does so here.
const ISSUER: &str = "https://tokens.example.com";
const PROVIDER: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/drawbridge/providers/devices";

/// Headers that cargo-lambda adds to every reply, for browsers; AWS does not.
const EMULATORS_OWN: [(&str, &str); 2] =
    [("access-control-allow-credentials", "true"), ("vary", "origin, access-control-request-method, access-control-request-headers")];

/// See the module.
pub struct Lambda {
    http: LambdaFunction,
    queue: LambdaFunction,
    authorizer: LambdaFunction,
    devices: Devices,
}

impl Lambda {
    /// Makes an account at moto, and starts the three functions.
    ///
    /// # Errors
    /// When moto or an emulator is not there.
    pub fn open(scene: &Scene) -> Result<Self> {
        let account = AwsAccount::open("transcripts")?;
        let devices = Devices::new(&scene.dir)?;
        let (bus, keys) = (devices.url(), format!("awskms://{}", signing_key()?));
        let emulators = [setting("PUBSUB_EMULATOR_HOST")?, setting("STORAGE_EMULATOR_HOST")?];
        let publishes = [("DRAWBRIDGE_PUBLISHER", "pubsub://transcripts"), ("PUBSUB_EMULATOR_HOST", emulators[0].as_str())];
        let start = |name, variables: &[(&str, &str)]| LambdaFunction::start(scene, &account, name, variables);
        let http = [
            ("DRAWBRIDGE_FUNCTIONS", FUNCTIONS),
            ("DRAWBRIDGE_COMMANDS", bus.as_str()),
            ("DRAWBRIDGE_OBJECTS", "gs://"),
            ("STORAGE_EMULATOR_HOST", emulators[1].as_str()),
            ("DRAWBRIDGE_ADMIN_TOKEN_SECRET", account.secret.as_str()),
            ("DRAWBRIDGE_TOKENS", PROVIDER),
            ("DRAWBRIDGE_ISSUER", ISSUER),
            ("DRAWBRIDGE_SIGNING_KEYS", keys.as_str()),
        ];
        let queue = [("DRAWBRIDGE_FUNCTIONS", "pubsub-fanout"), ("DRAWBRIDGE_EVENTS", "queue")];
        let authorizer = [("DRAWBRIDGE_FUNCTIONS", "bridge"), ("DRAWBRIDGE_EVENTS", "authorizer")];
        Ok(Self {
            http: start("http", &[&http[..], &publishes].concat())?,
            queue: start("queue", &[&queue[..], &publishes].concat())?,
            authorizer: start("authorizer", &authorizer)?,
            devices,
        })
    }
}

/// The ARN of a new key in moto's KMS.
fn signing_key() -> Result<String> {
    let endpoint: SocketAddr = setting("AWS_ENDPOINT_URL")?.trim_start_matches("http://").parse()?;
    let scope = format!("x/20260101/{}/kms/aws4_request", setting("AWS_REGION")?);
    let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let mut http = Http::to(endpoint).with_header("authorization", &signed).with_header("x-amz-target", "TrentService.CreateKey");
    let body = json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" });
    let made: Value = http.send("POST", "/", "application/x-amz-json-1.1", body.to_string().as_bytes())?.success("the key")?.json()?;
    Ok(made["KeyMetadata"]["Arn"].as_str().context("no ARN")?.to_owned())
}

impl Home for Lambda {
    fn name(&self) -> &'static str {
        "lambda"
    }

    fn issuer(&self) -> String {
        ISSUER.into()
    }

    fn prepare(&mut self, says: &Says, bucket: &str) -> Result<()> {
        prepare_emulators(says, bucket)?;
        says.sessions.iter().try_for_each(|(name, does)| self.devices.connect(name, does))
    }

    fn ask(&mut self, request: &Request) -> Result<Reply> {
        let called = request.invoked().map(|name| (name, if name == "queue" { &self.queue } else { &self.authorizer }));
        let mut reply = match called {
            None => exchange(self.http.addr, request)?,
            Some((name, function)) => {
                // The emulator runs a function without a name.
                let target = request.target.replace(&format!("/{name}/"), "/_/");
                exchange(function.addr, &Request { target, ..request.clone() })?
            }
        };
        reply.headers.retain(|(name, value)| !EMULATORS_OWN.contains(&(name, value)));
        Ok(reply)
    }
}
