//! The functions as they are shipped, started and stopped: SIGTERM while a request is under way, which is answered all the same.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::package::build::Target;
use crate::package::image;
use crate::shell;

/// An emulated start takes seconds.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Twice what the bridge gives its sessions, and a little.
const STOP_LIMIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const BODY: &str = r#"{"id": "tried", "eventNotificationConfigs": []}"#;

/// As Lambda would: the zip's content alone, though over TCP.
pub(crate) fn from_zip(target: Target, builds: &Path) -> Result<()> {
    let content = builds.join(format!("lambda-{}", target.debian));
    let mut command = emulated(target, &content.join("bootstrap"))?;
    command.env("SSL_CERT_FILE", content.join("roots.pem"));
    start_and_stop(command, builds)
}

/// From the image's own root and with its own user, where this machine can; else with its libraries, emulated.
pub(crate) fn from_image(target: Target, builds: &Path) -> Result<()> {
    let bundle = builds.join(format!("bundle-{}", target.debian));
    if bundle.exists() {
        fs::remove_dir_all(&bundle)?;
    }
    let image = format!("{}:{}", image::layout(builds).display(), target.debian);
    shell::run(Command::new("umoci").args(["unpack", "--rootless", "--image", &image]).arg(&bundle))?;
    let config: Value = serde_json::from_slice(&fs::read(bundle.join("config.json"))?)?;
    let user = &config["process"]["user"];
    ensure!((&user["uid"], &user["gid"]) == (&65532.into(), &65532.into()), "the image's user is {user}");
    let root = bundle.join("rootfs");
    let mut command = match target.emulator {
        Some(_) => emulated_in(target, &root)?,
        None => {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-user=65532", "--map-group=65532", "--root"]).arg(&root).arg("/drawbridge-function");
            command
        }
    };
    for pair in config["process"]["env"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        command.envs(pair.split_once('='));
    }
    start_and_stop(command, &root.join("tmp"))
}

fn emulated(target: Target, program: &Path) -> Result<Command> {
    let Some(emulator) = target.emulator else { return Ok(Command::new(program)) };
    let mut words = emulator.split(' ');
    let name = words.next().unwrap_or(emulator);
    ensure!(shell::find(name).is_some(), "{name} is needed to try it: `apt-get install qemu-user-static`");
    let mut command = Command::new(name);
    command.args(words).arg(program);
    Ok(command)
}

fn emulated_in(target: Target, root: &Path) -> Result<Command> {
    let name = target.emulator.and_then(|emulator| emulator.split(' ').next()).unwrap_or_default();
    ensure!(shell::find(name).is_some(), "{name} is needed to try it: `apt-get install qemu-user-static`");
    let mut command = Command::new(name);
    command.arg("-L").arg(root).arg(root.join("drawbridge-function"));
    Ok(command)
}

/// Registers something with half of the request sent before SIGTERM and half after it. `room` is a folder it can write to,
/// `/tmp` for itself when that is the image's.
fn start_and_stop(mut command: Command, room: &Path) -> Result<()> {
    let port = free_port()?;
    fs::set_permissions(room, fs::Permissions::from_mode(0o1777))?;
    command.env("DRAWBRIDGE_FUNCTIONS", "device-registry").env("DRAWBRIDGE_RECORDS", "memory:").env("DRAWBRIDGE_ADMIN_TOKEN", "tried");
    command.env("DRAWBRIDGE_COMMANDS", "nats://127.0.0.1:9").env("DRAWBRIDGE_LOG", "error");
    command.env("DRAWBRIDGE_HTTP", format!("127.0.0.1:{port}"));
    let mut running = Running(command.spawn().context("starting it")?);
    let mut line = running.connect(port)?;
    let head = "POST /v1/projects/p/locations/europe-west1/registries HTTP/1.1\r\nhost: tried\r\nauthorization: Bearer tried\r\n";
    let (first, second) = BODY.split_at(BODY.len() / 2);
    write!(line, "{head}content-length: {}\r\nconnection: close\r\n\r\n{first}", BODY.len())?;
    // It must have the beginning before it is told to stop.
    thread::sleep(Duration::from_millis(500));
    stage::signal("TERM", &running.0.id().to_string())?;
    thread::sleep(Duration::from_millis(500));
    write!(line, "{second}")?;
    let mut answer = String::new();
    line.set_read_timeout(Some(STOP_LIMIT))?;
    line.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "a request that was under way at SIGTERM was answered `{answer}`");
    let code = running.ended()?;
    ensure!(code == Some(0), "it ended with {code:?} after SIGTERM");
    println!("  started, answered what was under way at SIGTERM, ended with 0");
    Ok(())
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The process; it ends with this value.
struct Running(Child);

impl Running {
    fn connect(&mut self, port: u16) -> Result<TcpStream> {
        let since = Instant::now();
        loop {
            if let Ok(line) = TcpStream::connect(("127.0.0.1", port)) {
                return Ok(line);
            }
            ensure!(self.0.try_wait()?.is_none(), "it did not start");
            ensure!(since.elapsed() < START_LIMIT, "it did not listen within {} s", START_LIMIT.as_secs());
            thread::sleep(LOOK_EVERY);
        }
    }

    fn ended(&mut self) -> Result<Option<i32>> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status.code());
            }
            ensure!(since.elapsed() < STOP_LIMIT, "it did not end within {} s of SIGTERM", STOP_LIMIT.as_secs());
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What cannot be ended has ended by itself.
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}
