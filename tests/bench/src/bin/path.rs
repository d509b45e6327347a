//! `cargo xtask bench path`: a reading from the shim's intake to Google's Pub/Sub emulator, beside paho-mqtt publishing
//! straight to mosquitto. One program, paho-mqtt, sends in both cases, in turns.
//!
//! The two promise different things: the shim answers when the reading is on disk and is done when Pub/Sub has it;
//! mosquitto answers when the message is in its memory. The ratio says what those promises cost.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use benchmarks::{Figure, median, percentile};
use serde_json::{Value, json};
use stage::{Binaries, Cloud, CloudOptions, Http, Process, Shim, ShimOptions};

/// Readings of one throughput round.
const MANY: u64 = 20_000;
/// Readings of one latency round.
const FEW: u64 = 500;
/// Rounds, taken in turns; medians are reported.
const ROUNDS: usize = 3;
/// Messages that paho leaves unacknowledged.
const WINDOW: u64 = 1000;
/// Payload of a reading.
const BYTES: u64 = 200;
const PROJECT: &str = "bench-path";

fn main() -> Result<()> {
    let dir = scratch()?;
    let path = Route::start(&dir)?;
    let mosquitto = Mosquitto::start(&dir)?;
    let (mut ours, mut theirs) = (Rounds::default(), Rounds::default());
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS}");
        path.round(&mut ours)?;
        mosquitto.round(&mut theirs)?;
    }
    benchmarks::print(&mut std::io::stdout().lock(), "path", &figures(&ours, &theirs))?;
    drop((path, mosquitto));
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

fn figures(ours: &Rounds, theirs: &Rounds) -> Vec<Figure> {
    let figure =
        |name: &str, unit, ours, theirs| Figure { name: name.into(), unit, ours, peers: vec![("paho+mosquitto", theirs)], goal: "" };
    vec![
        figure("readings acknowledged to the sender", "1/s", median(&ours.acknowledged), median(&theirs.acknowledged)),
        figure("readings at the far end", "1/s", median(&ours.arrived), median(&theirs.arrived)),
        figure("acknowledgement of one, median", "us", percentile(&ours.micros, 0.5), percentile(&theirs.micros, 0.5)),
        figure("acknowledgement of one, p99", "us", percentile(&ours.micros, 0.99), percentile(&theirs.micros, 0.99)),
        figure("one at the far end, median", "us", percentile(&ours.through, 0.5), percentile(&theirs.through, 0.5)),
        figure("one at the far end, p99", "us", percentile(&ours.through, 0.99), percentile(&theirs.through, 0.99)),
    ]
}

#[derive(Default)]
struct Rounds {
    acknowledged: Vec<f64>,
    arrived: Vec<f64>,
    /// Microseconds to the sender's acknowledgement.
    micros: Vec<f64>,
    /// Microseconds until the far end has it.
    through: Vec<f64>,
}

fn scratch() -> Result<PathBuf> {
    let dir = std::env::current_dir()?.join(format!("target/bench-path-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set: run this by `cargo xtask bench path`"))
}

/// Runs the sender and answers its JSON line.
fn paho(at: SocketAddr, topic: &str, count: u64, mode: &str) -> Result<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/paho_publish.py");
    let numbers = [at.port().to_string(), topic.into(), count.to_string(), WINDOW.to_string(), BYTES.to_string(), mode.into()];
    let out = Command::new(variable("DRAWBRIDGE_TEST_PYTHON")?).arg(script).arg(at.ip().to_string()).args(numbers).output()?;
    ensure!(out.status.success(), "paho_publish.py: {}", String::from_utf8_lossy(&out.stderr));
    Ok(serde_json::from_slice(&out.stdout)?)
}

fn micros_of(line: &Value) -> Vec<f64> {
    line["micros"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// The shim, the bridge and the emulator.
struct Route {
    shim: Shim,
    _cloud: Cloud,
    topic: String,
}

impl Route {
    fn start(dir: &Path) -> Result<Self> {
        let emulator = variable("PUBSUB_EMULATOR_HOST")?;
        create_topics(emulator.parse()?)?;
        let binaries = Binaries::from_env()?;
        let cloud = Cloud::start(&binaries, dir, &CloudOptions::emulator(PROJECT, &emulator))?;
        cloud.create_registry("bench", "events")?;
        let key = Shim::keygen(&binaries, dir)?;
        let device = cloud.create_device("bench", "device", &key)?;
        Shim::configure(dir, &device, &ShimOptions { bridge: format!("mqtt://{}", cloud.mqtt), ca: None, link: String::new() })?;
        let shim = Shim::start(&binaries, dir)?;
        Ok(Self { shim, _cloud: cloud, topic: "/devices/device/events".into() })
    }

    fn delivered(&self, client: &mut Http) -> Result<u64> {
        let status = client.get("/status")?.success("reading the shim's status")?.json()?;
        status["delivered"].as_u64().with_context(|| format!("no `delivered` in {status}"))
    }

    /// Waits until `count` readings are at Pub/Sub.
    fn wait_for(&self, client: &mut Http, count: u64) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(120);
        while self.delivered(client)? < count {
            ensure!(Instant::now() < deadline, "{} of {count} delivered within 120 s", self.delivered(client)?);
        }
        Ok(())
    }

    fn round(&self, rounds: &mut Rounds) -> Result<()> {
        let mut client = self.shim.intake();
        let before = self.delivered(&mut client)?;
        let started = Instant::now();
        let line = paho(self.shim.mqtt, &self.topic, MANY, "many")?;
        let acknowledged = line["seconds"].as_f64().context("no seconds")?;
        let after_acknowledged = Instant::now();
        self.wait_for(&mut client, before + MANY)?;
        // The sender's own start-up is in `started`, not in its seconds: leave it out of both.
        let start_up = after_acknowledged.duration_since(started).as_secs_f64() - acknowledged;
        rounds.acknowledged.push(MANY as f64 / acknowledged);
        rounds.arrived.push(MANY as f64 / (started.elapsed().as_secs_f64() - start_up));
        rounds.micros.extend(micros_of(&paho(self.shim.mqtt, &self.topic, FEW, "one")?));
        let mut count = before + MANY + FEW;
        self.wait_for(&mut client, count)?;
        let mut intake = self.shim.intake();
        for _ in 0..FEW {
            count += 1;
            let sent = Instant::now();
            intake.send("POST", "/v1/events", "application/octet-stream", &[7; BYTES as usize])?.success("a reading")?;
            self.wait_for(&mut client, count)?;
            rounds.through.push(sent.elapsed().as_secs_f64() * 1e6);
        }
        Ok(())
    }
}

fn create_topics(emulator: SocketAddr) -> Result<()> {
    for topic in ["events", "events-state"] {
        let path = format!("/v1/projects/{PROJECT}/topics/{topic}");
        Http::to(emulator).json("PUT", &path, &json!({}))?.success("creating a topic")?;
    }
    Ok(())
}

/// Debian's mosquitto on a free port, its limits raised so that it drops nothing.
struct Mosquitto {
    _process: Process,
    at: SocketAddr,
}

impl Mosquitto {
    fn start(dir: &Path) -> Result<Self> {
        let at = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = dir.join("mosquitto.conf");
        let limits = "max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\n";
        std::fs::write(&config, format!("listener {} 127.0.0.1\nallow_anonymous true\n{limits}", at.port()))?;
        let mut command = Command::new(variable("DRAWBRIDGE_TEST_MOSQUITTO")?);
        let mut process = Process::start("mosquitto", command.arg("-c").arg(&config), &dir.join("mosquitto.log"))?;
        let listening = || Ok(std::net::TcpStream::connect(at).is_ok().then_some(()));
        process.wait_for("mosquitto to listen", Duration::from_secs(10), listening)?;
        Ok(Self { _process: process, at })
    }

    fn round(&self, rounds: &mut Rounds) -> Result<()> {
        let line = paho(self.at, "events", MANY, "many")?;
        let rate = MANY as f64 / line["seconds"].as_f64().context("no seconds")?;
        let micros = micros_of(&paho(self.at, "events", FEW, "one")?);
        // The broker is the far end: acknowledged is arrived.
        rounds.acknowledged.push(rate);
        rounds.arrived.push(rate);
        rounds.through.extend(&micros);
        rounds.micros.extend(micros);
        Ok(())
    }
}
