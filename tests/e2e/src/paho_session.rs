//! A device that stays connected: paho-mqtt, told line by line what to publish, saying line by line what happens.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdin, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use stage::{DeviceId, Process};

use crate::setting;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/paho_session.py");

/// How long anything may take to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running client.
#[derive(Debug)]
pub struct PahoSession {
    process: Process,
    input: ChildStdin,
    events: Receiver<Value>,
}

impl PahoSession {
    /// Connects `device` to `mqtt`; it connects again when the line is lost, unless `once`. Returns when it has subscribed.
    ///
    /// # Errors
    /// When there is no Python with paho-mqtt, or it is not let in.
    pub fn connect(mqtt: SocketAddr, device: &DeviceId, token: &str, once: bool, log: &Path) -> Result<Self> {
        let mut command = Command::new(setting("DRAWBRIDGE_TEST_PYTHON")?);
        command.arg(SCRIPT).args(["--host", &mqtt.ip().to_string(), "--port", &mqtt.port().to_string()]);
        command.args(["--client-id", &device.name(), "--device", &device.device]).args(once.then_some("--once"));
        // The token by the environment: a command line is everybody's to read.
        let mut process = Process::start_conversing("paho", command.env("DEVICE_TOKEN", token), log)?;
        let child = process.child_mut();
        let (input, out) = (child.stdin.take().context("no standard input")?, child.stdout.take().context("no standard output")?);
        let (sender, events) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(out).lines().map_while(Result::ok);
            // Ends with the process, or when nobody wants more.
            lines.filter_map(|l| serde_json::from_str(&l).ok()).take_while(|e: &Value| sender.send(e.clone()).is_ok()).for_each(drop);
        });
        let mut session = Self { process, input, events };
        session.wait_for("subscribed")?;
        Ok(session)
    }

    /// The next event of this kind; others before it are forgotten.
    ///
    /// # Errors
    /// When it does not happen in time.
    pub fn wait_for(&mut self, kind: &str) -> Result<Value> {
        let start = Instant::now();
        loop {
            match self.events.recv_timeout(Duration::from_millis(50)) {
                Ok(event) if event["event"] == kind => return Ok(event),
                Ok(_) => {}
                Err(_) => self.process.check_running()?,
            }
            if start.elapsed() > PATIENCE {
                bail!("the device: no `{kind}` within {} s; {}", PATIENCE.as_secs(), stage::tail_of(self.process.log()));
            }
        }
    }

    /// Publishes an event at QoS 1 and waits for its acknowledgement.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn publish(&mut self, payload: &str) -> Result<()> {
        writeln!(self.input, "{payload}")?;
        let mid = self.wait_for("publishing")?["mid"].clone();
        while self.wait_for("acknowledged")?["mid"] != mid {}
        Ok(())
    }
}
