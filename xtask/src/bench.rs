//! # `cargo xtask bench`
//!
//! Each benchmark beside its peers in one run, in a release build. Prints a table and one JSON line per figure.

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use stage::Binaries;

use crate::args::{self, Args};
use crate::emulator::{Emulator, Service};
use crate::python_server::PythonServer;
use crate::{interrupt, package, shell, tools};

const HELP: &str = "\
Each benchmark beside its peers in one run, in a release build.

Usage: cargo xtask bench spool|bridge|path|token|commands|grpc|cold-start|all

  spool     durable appends, drain, opening: beside an append-only log and SQLite
  bridge    publishes, connects, memory: beside Debian's mosquitto
  path      a reading from the shim's intake to the Pub/Sub emulator: beside paho-mqtt and mosquitto
  token     exchanges a second on one core: beside the bare signature check of the crypto library
  commands  a command to a device on another node and back, in threads and in processes over the Firestore emulator: beside a
            bare NATS request and a bare read of the emulator
  grpc      a device read over gRPC: beside the same over REST
  cold-start  from the start of a function to its first answer, memory, size: beside the smallest axum program and Python

Peers that are missing are installed by their package clients (apt-get, pip). Close what else runs: two cores are few.";

const NAMES: [&str; 7] = ["spool", "bridge", "path", "token", "commands", "grpc", "cold-start"];

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let name = args.word().unwrap_or_default();
    args.finish()?;
    let names: Vec<_> = NAMES.into_iter().filter(|known| name == "all" || name == *known).collect();
    if names.is_empty() {
        return Err(args::usage(format!("no benchmark `{name}`; there are spool, bridge, path, token, commands, grpc, cold-start, all")));
    }
    interrupt::listen()?;
    for name in names {
        bench(name)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn bench(name: &str) -> Result<()> {
    let (mut emulator, mut aws) = (None, None);
    let mut command = shell::cargo_command();
    command.args(["run", "--quiet", "--release", "-p", "benchmarks", "--bin", &name.replace('-', "_")]);
    if matches!(name, "bridge" | "path") {
        command.env("DRAWBRIDGE_TEST_MOSQUITTO", tools::mosquitto()?);
    }
    if name == "cold-start" {
        shell::cargo(&["build", "--release", "-p", "benchmarks", "--bin", "smallest_axum"])?;
        let [image, lambda] = package::functions_of_this_machine()?;
        command.env("DRAWBRIDGE_TEST_FUNCTION", image).env("DRAWBRIDGE_TEST_LAMBDA", lambda);
        let python = tools::python()?;
        let started = aws.insert(PythonServer::start(&python, "moto as AWS", "aws_emulator")?);
        command.env("AWS_ENDPOINT_URL", format!("http://{}", started.addr)).env("DRAWBRIDGE_TEST_PYTHON", python);
    }
    if matches!(name, "commands" | "grpc") {
        shell::cargo(&["build", "--release", "-p", "drawbridge-function"])?;
        command.env("DRAWBRIDGE_TEST_FUNCTION", shell::target().join("release/drawbridge-function"));
    }
    if name == "commands" {
        command.env("DRAWBRIDGE_TEST_NATS_SERVER", tools::nats_server()?);
        let started = emulator.insert(Emulator::start(Service::Firestore)?);
        command.env("FIRESTORE_EMULATOR_HOST", started.addr.to_string());
    }
    if name == "path" {
        shell::cargo(&["build", "--release", "-p", "drawbridge", "-p", "drawbridge-shim"])?;
        let binaries = Binaries::built_in(&shell::target().join("release"))?;
        let started = emulator.insert(Emulator::start(Service::PubSub)?);
        command.env("PUBSUB_EMULATOR_HOST", started.addr.to_string()).env("DRAWBRIDGE_TEST_PYTHON", tools::python()?);
        command.env(Binaries::VARIABLES[0], binaries.drawbridge).env(Binaries::VARIABLES[1], binaries.shim);
    }
    command.env("RUST_BACKTRACE", env::var_os("RUST_BACKTRACE").unwrap_or_else(|| "1".into()));
    let status = shell::watch(&mut command)?;
    interrupt::check()?;
    anyhow::ensure!(status.success(), "benchmark `{name}` failed ({status})");
    Ok(())
}
