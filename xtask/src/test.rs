//! # `cargo xtask test`
//!
//! Promise: installs what the tests need, starts the real parts, runs every test, closes with the line `N passed, N failed`
//! and stops what it started. A part that cannot be had is an error that names the install command, never a silent skip.

mod count;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use stage::Binaries;

use crate::args::Args;
use crate::emulator::{Emulator, Service};
use crate::python_server::PythonServer;
use crate::tools::{self, CargoTool};
use crate::{interrupt, shell};
use count::Count;

const HELP: &str = "\
Installs what the tests need, starts the real parts, runs every test, stops what it started.

Usage: cargo xtask test [FILTER] [--quick]

  FILTER     run only tests whose name contains it; document tests are then left out
  --quick    leave out what needs an emulator, Python or whole programs: for the loop while you write

What it needs beyond Rust: Java and Google's emulators of Pub/Sub and Firestore, Python 3 with venv. cargo-nextest,
paho-mqtt, nats-server and a Cloud Storage emulator are installed into the target folder.";

/// Packages whose tests need real parts.
const NEED_REAL_PARTS: [&str; 5] = ["e2e-tests", "transcripts", "infra-gcp", "infra-aws", "infra-nats"];

/// The exit code of nextest when tests ran and some failed.
const NEXTEST_FAILED_TESTS: i32 = 100;

/// Where `.config/nextest.toml` has the results written: nextest knows no other target folder than that of the tree.
const RESULTS: &str = "target/nextest/default/junit.xml";

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let (is_quick, filter) = (args.has("--quick"), args.word());
    args.finish()?;
    interrupt::listen()?;
    let start = Instant::now();
    let nextest = CargoTool::begin("cargo-nextest")?.finish()?;
    let parts = if is_quick { None } else { Some(Parts::start()?) };
    let env = parts.as_ref().map(Parts::env).unwrap_or_default();
    let mut count = run_suites(nextest, filter.as_deref(), &env)?;
    if filter.is_none() {
        count += run_document_tests(&env)?;
    }
    drop(parts);
    if is_quick {
        println!("--quick left out the packages {} and with them every test against real parts", NEED_REAL_PARTS.join(", "));
    }
    println!("{} suites in {:.0} s; everything that was started has been ended", count.suites, start.elapsed().as_secs_f64());
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one suite of the end-to-end tests with `replaced` in place of what it would be told: programs as they are shipped.
pub(crate) fn end_to_end_suite(suite: &str, replaced: &[(&'static str, OsString)]) -> Result<()> {
    let nextest = CargoTool::begin("cargo-nextest")?.finish()?;
    let parts = Parts::start()?;
    let mut command = Command::new(nextest);
    command.current_dir(shell::root()).args(["nextest", "run", "--package", "e2e-tests", "--test", suite]);
    command.envs(parts.env().into_iter().chain(replaced.iter().cloned()));
    let status = shell::watch(&mut command)?;
    interrupt::check()?;
    ensure!(status.success(), "the suite {suite} of the end-to-end tests failed");
    Ok(())
}

/// The real parts: they end with this value.
struct Parts {
    pubsub: Emulator,
    firestore: Emulator,
    nats_server: PathBuf,
    storage: PythonServer,
    aws: PythonServer,
    python: PathBuf,
    binaries: Binaries,
    xtask: PathBuf,
}

impl Parts {
    fn start() -> Result<Self> {
        let python = tools::python()?;
        let nats_server = tools::nats_server()?;
        // Just what nextest will ask for, so that nothing is built twice.
        shell::cargo(&["build", "--workspace", "--bins", "--tests"])?;
        let binaries = Binaries::built_in(&shell::target().join("debug"))?;
        let pubsub = Emulator::start(Service::PubSub)?;
        println!("The Pub/Sub emulator listens on {}", pubsub.addr);
        let firestore = Emulator::start(Service::Firestore)?;
        println!("The Firestore emulator listens on {}", firestore.addr);
        let storage = PythonServer::start(&python, "the Cloud Storage emulator", "storage_emulator")?;
        let aws = PythonServer::start(&python, "moto as AWS", "aws_emulator")?;
        let xtask = shell::target().join("debug/xtask");
        Ok(Self { pubsub, firestore, nats_server, storage, aws, python, binaries, xtask })
    }

    /// How the tests learn of them.
    fn env(&self) -> Vec<(&'static str, OsString)> {
        let [drawbridge, shim] = Binaries::VARIABLES;
        vec![
            // An error says what it needs to say; a backtrace of the test harness hides it.
            ("RUST_LIB_BACKTRACE", "0".into()),
            ("PUBSUB_EMULATOR_HOST", self.pubsub.addr.to_string().into()),
            ("FIRESTORE_EMULATOR_HOST", self.firestore.addr.to_string().into()),
            ("DRAWBRIDGE_TEST_NATS_SERVER", self.nats_server.clone().into()),
            ("DRAWBRIDGE_TEST_FUNCTION", self.binaries.drawbridge.with_file_name("drawbridge-function").into()),
            ("STORAGE_EMULATOR_HOST", self.storage.addr.to_string().into()),
            ("AWS_ENDPOINT_URL", format!("http://{}", self.aws.addr).into()),
            // moto asks for keys and takes any.
            ("AWS_ACCESS_KEY_ID", "test".into()),
            ("AWS_SECRET_ACCESS_KEY", "test".into()),
            ("AWS_REGION", "eu-central-1".into()),
            ("DRAWBRIDGE_TEST_PYTHON", self.python.clone().into()),
            ("DRAWBRIDGE_TEST_XTASK", self.xtask.clone().into()),
            (drawbridge, self.binaries.drawbridge.clone().into()),
            (shim, self.binaries.shim.clone().into()),
        ]
    }
}

fn run_suites(nextest: PathBuf, filter: Option<&str>, env: &[(&str, OsString)]) -> Result<Count> {
    let results = shell::root().join(RESULTS);
    // Results of an earlier run are not ours.
    let _none = fs::remove_file(&results);
    let mut command = Command::new(nextest);
    command.current_dir(shell::root()).args(["nextest", "run", "--workspace"]).envs(env.iter().map(|(k, v)| (k, v)));
    if env.is_empty() {
        command.args(NEED_REAL_PARTS.iter().flat_map(|package| ["--exclude", package]));
    }
    command.args(filter);
    let status = shell::watch(&mut command)?;
    interrupt::check()?;
    if !status.success() && status.code() != Some(NEXTEST_FAILED_TESTS) {
        bail!("cargo nextest did not run the tests ({status})");
    }
    let text = fs::read_to_string(&results).with_context(|| format!("reading {}", results.display()))?;
    Count::of_junit(&text).with_context(|| format!("no counts in {}", results.display()))
}

fn run_document_tests(env: &[(&str, OsString)]) -> Result<Count> {
    let mut command = shell::cargo_command();
    command.args(["test", "--workspace", "--doc", "--no-fail-fast", "--quiet"]).envs(env.iter().map(|(k, v)| (k, v)));
    let output = command.output().context("running the document tests")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let count = Count::of_libtest(&text);
    if !output.status.success() {
        println!("{text}");
        if count.failed == 0 {
            bail!("the document tests did not run: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    Ok(count)
}
