//! AWS on this machine: moto for what Lambda functions keep, and cargo-lambda's emulator of the Lambda APIs for what calls them.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use stage::{ADMIN_TOKEN, Http, Process};

use crate::{Scene, setting};

/// How long an emulator or a function may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An account at moto, with the table and the secret that functions need.
#[derive(Debug)]
pub struct AwsAccount {
    moto: SocketAddr,
    /// The table of records.
    pub table: String,
    /// The ARN of the secret that holds the admin token.
    pub secret: String,
}

impl AwsAccount {
    /// Makes the table of terraform/modules/aws/records, and the secret, in the moto that `cargo xtask test` started.
    ///
    /// # Errors
    /// When moto is not there or refuses.
    pub fn open(name: &str) -> Result<Self> {
        let endpoint = setting("AWS_ENDPOINT_URL")?;
        let moto = endpoint.trim_start_matches("http://").parse().with_context(|| format!("AWS_ENDPOINT_URL is `{endpoint}`"))?;
        let table = format!("{name}-{}", std::process::id());
        let mut this = Self { moto, table, secret: String::new() };
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let create = json!({
            "TableName": this.table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [text("kind"), text("key")],
            "KeySchema": [key("kind", "HASH"), key("key", "RANGE")],
        });
        this.call("dynamodb", "DynamoDB_20120810.CreateTable", &create)?;
        let secret = json!({ "Name": this.table, "SecretString": format!("{ADMIN_TOKEN}\n"), "ClientRequestToken": format!("{:0>32}", std::process::id()) });
        let made = this.call("secretsmanager", "secretsmanager.CreateSecret", &secret)?;
        this.secret = made["ARN"].as_str().context("no ARN")?.to_owned();
        Ok(this)
    }

    /// moto reads the service and the region out of the signature, and does not check it.
    fn call(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let scope = format!("x/20260101/{}/{service}/aws4_request", setting("AWS_REGION")?);
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        let mut http = Http::to(self.moto).with_header("authorization", &signed).with_header("x-amz-target", target);
        http.send("POST", "/", "application/x-amz-json-1.1", body.to_string().as_bytes())?.success(target)?.json()
    }
}

/// A function of `drawbridge-function` on an emulator of its own.
#[derive(Debug)]
pub struct LambdaFunction {
    /// The function; ended first.
    pub process: Process,
    _emulator: Process,
    /// The function's URL, and the emulator's API.
    pub addr: SocketAddr,
}

impl LambdaFunction {
    /// Starts it with these variables beside the account's.
    ///
    /// # Errors
    /// When the emulator does not start.
    pub fn start(scene: &Scene, account: &AwsAccount, name: &str, variables: &[(&str, &str)]) -> Result<Self> {
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        // The emulator reads a package before it serves, although it builds nothing.
        let package = scene.folder("emulator")?;
        fs::create_dir_all(package.join("src"))?;
        fs::write(package.join("Cargo.toml"), "[package]\nname = \"emulated\"\nedition = \"2024\"\n\n[workspace]\n")?;
        fs::write(package.join("src/main.rs"), "fn main() {}\n")?;
        let bin = PathBuf::from(setting("DRAWBRIDGE_TEST_PYTHON")?).with_file_name("cargo-lambda");
        let mut watch = Command::new(bin);
        let port = addr.port().to_string();
        watch.args(["lambda", "watch", "--only-lambda-apis", "-A", "127.0.0.1", "-P", &port]).current_dir(&package);
        let mut emulator = Process::start("cargo lambda watch", &mut watch, &scene.dir.join(format!("{name}-emulator.log")))?;
        emulator.wait_for("Lambda API", PATIENCE, || Ok(TcpStream::connect(addr).is_ok().then_some(())))?;
        let mut function = Command::new(setting("DRAWBRIDGE_TEST_FUNCTION")?);
        function
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://{addr}/.rt"))
            .env("AWS_LAMBDA_FUNCTION_NAME", "_")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("DRAWBRIDGE_RECORDS", format!("dynamodb://{}", account.table))
            .envs(variables.iter().copied());
        let process = Process::start(name, &mut function, &scene.dir.join(format!("{name}.log")))?;
        Ok(Self { process, _emulator: emulator, addr })
    }

    /// Calls the function with an event, and answers what it answers.
    ///
    /// # Errors
    /// When it has ended or answers an error.
    pub fn invoke(&mut self, event: &Value) -> Result<Value> {
        self.process.check_running()?;
        Http::to(self.addr).json("POST", "/2015-03-31/functions/_/invocations", event)?.success("the call")?.json()
    }
}
