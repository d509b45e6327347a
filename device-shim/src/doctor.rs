//! `drawbridge-shim doctor`: checks step by step, stops at the first that fails, and says what to do next.
//!
//! A second connection of the same device would displace the first. So while a shim is running, the doctor does not
//! connect: it says how the running one fares.

mod advice;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use crate::cli;
use crate::clock::history::ClockHistory;
use crate::clock::{CloudClock, system_wall};
use crate::config::Config;
use crate::identity::Identity;
use crate::link::mqtt::MqttLink;
use crate::link::{Link as _, LinkError, Session as _};
use crate::send;
use crate::status::Report;

/// What a step found.
type Step = Result<String, Trouble>;

/// A step that failed.
#[derive(Debug)]
struct Trouble {
    what: String,
    next: String,
}

impl Trouble {
    fn new(what: impl ToString, next: impl Into<String>) -> Self {
        Self { what: what.to_string(), next: next.into() }
    }
}

/// `drawbridge-shim doctor`: 0 when every step is well.
#[must_use]
pub fn main(path: &Path) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return cli::fail(cli::EXIT_USAGE, &error),
    };
    let _printed = cli::print(&format!("ok    configuration: {} speaks for {}\n", path.display(), config.device));
    let well = show("private key", || private_key(&config))
        && show("folder", || folder(&config))
        && show("bridge", || bridge(&config))
        && show("connection", || connection(&config));
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes a step, prints what it found, and says whether to go on.
fn show(name: &str, step: impl FnOnce() -> Step) -> bool {
    let found = step();
    let line = match &found {
        Ok(found) => format!("ok    {name}: {found}\n"),
        Err(Trouble { what, next }) => format!("FAIL  {name}: {what}\n      {next}\n"),
    };
    let _printed = cli::print(&line);
    found.is_ok()
}

fn private_key(config: &Config) -> Step {
    let identity = identity(config)?;
    let path = config.private_key.display();
    let metadata = std::fs::metadata(&config.private_key).map_err(|error| Trouble::new(error, "Check `private_key`."))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Trouble::new(format!("others may read {path} (mode {mode:04o})"), format!("chmod 600 {path}")));
    }
    Ok(format!("{path}, {}, mode {mode:04o}", identity.algorithm()))
}

fn identity(config: &Config) -> Result<Identity, Trouble> {
    Identity::load(config.device.clone(), &config.private_key, config.link.token_life)
        .map_err(|error| Trouble::new(error, "Run `drawbridge-shim keygen`, register the public half, and set `private_key`."))
}

/// Whether the shim's folder can be written by whoever runs the doctor.
fn folder(config: &Config) -> Step {
    let dir = config.data_dir.display();
    let probe = config.data_dir.join("doctor.probe");
    let written = std::fs::create_dir_all(&config.data_dir).and_then(|()| crate::files::replace(&probe, b"probe"));
    written.map_err(|error| {
        Trouble::new(format!("{dir} cannot be written: {error}"), "Give it to the user that runs the shim, or change `data_dir`.")
    })?;
    std::fs::remove_file(&probe).map_err(|error| Trouble::new(error, "Check `data_dir`."))?;
    Ok(format!("{dir} can be written"))
}

/// Whether the bridge's name has addresses.
fn bridge(config: &Config) -> Step {
    use std::net::ToSocketAddrs as _;
    let found = (config.bridge.host.as_str(), config.bridge.port).to_socket_addrs().map(|addresses| addresses.collect::<Vec<_>>());
    match found {
        Ok(addresses) if !addresses.is_empty() => {
            let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            let clear = if config.in_clear.is_empty() { "" } else { "; `allow_unencrypted` lets the device's token go in clear" };
            Ok(format!("{} is {}{clear}", config.bridge, list.join(", ")))
        }
        Ok(_) => Err(Trouble::new(format!("{} has no address", config.bridge.host), "Check `bridge`.")),
        Err(error) => Err(Trouble::new(
            format!("{} has no address: {error}", config.bridge.host),
            "Check `bridge` for a typing error, and the network: `ip route`, `cat /etc/resolv.conf`.",
        )),
    }
}

fn connection(config: &Config) -> Step {
    if let Ok(answer) = send::ask(&config.accept.unix, "status")
        && let Ok(report) = serde_json::from_str::<Report>(&answer)
    {
        return running(&report);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::new(error, "Try again."))?;
    runtime.block_on(connect(config))
}

fn running(report: &Report) -> Step {
    let state = format!("a shim is running, its link is {}", report.link.state);
    match &report.link.last_error {
        Some(error) if report.link.state != "connected" => {
            Err(Trouble::new(format!("{state}: {error}"), "Stop it and run the doctor again to see each step."))
        }
        _ => Ok(state),
    }
}

/// Connects as the device would; once more if the reply says that only the clock was wrong.
async fn connect(config: &Config) -> Step {
    let clock = CloudClock::new(system_wall());
    let history = ClockHistory::open(&config.data_dir, 0, &clock);
    let mut link = MqttLink::new(config, identity(config)?, clock.clone(), history)
        .map_err(|error| Trouble::new(error, "Set `ca` to a PEM file with the bridge's root, or install the system's roots."))?;
    let mut attempt = link.connect().await;
    if let Err(LinkError::Refused { clock_corrected: true, .. }) = attempt {
        attempt = link.connect().await;
    }
    let session = attempt.map_err(|error| {
        let next = advice::on(&error, config);
        Trouble::new(error, next)
    })?;
    let window = session.window();
    session.close().await;
    let secs = clock.offset_ms() / 1_000;
    let clock = if secs.abs() > 60 { format!("; this clock is {secs} s behind the cloud's, which is corrected") } else { String::new() };
    Ok(format!("the bridge let this device in, {window} readings at a time{clock}"))
}
