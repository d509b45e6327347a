//! The image, started from its own root, with its own user and environment, and stopped: SIGTERM while a request is under way,
//! which is answered all the same. What is started is what a registry would hand out: it comes out of the archive.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use stage::{Http, Process};

use super::containerfile;
use crate::package::build::Target;
use crate::package::image;
use crate::shell;

/// An emulated start takes seconds.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Twice what the bridge gives its sessions, and a little.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// It must have the beginning of the request before it is told to stop, and be told before the rest comes.
const PAUSE: Duration = Duration::from_millis(500);
const BODY: &str = r#"{"id": "tried", "eventNotificationConfigs": []}"#;
const SETTINGS: [(&str, &str); 5] = [
    ("DRAWBRIDGE_FUNCTIONS", "device-registry"),
    ("DRAWBRIDGE_RECORDS", "memory:"),
    ("DRAWBRIDGE_ADMIN_TOKEN", "tried"),
    ("DRAWBRIDGE_COMMANDS", "nats://127.0.0.1:9"),
    ("DRAWBRIDGE_LOG", "error"),
];

/// As it comes out of the archive, and as an engine builds it.
pub(crate) fn start_and_stop(target: Target, builds: &Path, folder: &Path) -> Result<()> {
    for image in [pull(target, builds, folder)?, containerfile::build(target, builds, folder)?] {
        start_and_stop_one(target, &image, builds)?;
    }
    Ok(())
}

fn start_and_stop_one(target: Target, image: &str, builds: &Path) -> Result<()> {
    let bundle = unpack(target, image, builds)?;
    let mut command = as_the_image_says(target, &bundle)?;
    let at = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    command.envs(SETTINGS).env("DRAWBRIDGE_HTTP", at.to_string());
    let mut process = Process::start("the image", &mut command, &bundle.join("log"))?;
    process.wait_for("a listener", START_LIMIT, || Ok(TcpStream::connect(at).is_ok().then_some(())))?;
    let (health, ready) = (Http::to(at).get("/healthz")?, Http::to(at).get("/readyz")?);
    ensure!((health.status, ready.status) == (200, 200), "health {}, readiness {}: {}", health.status, ready.status, ready.text());
    ensure!(ready.json()?["records"] == json!("ok"), "readiness: {}", ready.text());
    stop_under_way(&mut process, at)?;
    println!("  healthy, ready, answered what was under way at SIGTERM, ended with 0");
    Ok(())
}

/// The image for `target` as skopeo takes it out of the archive, as `umoci` names it.
fn pull(target: Target, builds: &Path, folder: &Path) -> Result<String> {
    let layout = builds.join(format!("pulled-{}", target.debian));
    if layout.exists() {
        fs::remove_dir_all(&layout)?;
    }
    let pulled = format!("{}:tried", layout.display());
    let mut pull = Command::new("skopeo");
    // No policy of this machine has a say in what was made here.
    pull.args(["copy", "--quiet", "--insecure-policy", "--override-os", "linux", "--override-arch", target.debian]);
    let archive = image::archive(folder);
    shell::run(pull.arg(format!("oci-archive:{}", archive.display())).arg(format!("oci:{pulled}")))?;
    Ok(pulled)
}

/// What it holds, and how to run it.
fn unpack(target: Target, image: &str, builds: &Path) -> Result<PathBuf> {
    let bundle = builds.join(format!("bundle-{}", target.debian));
    if bundle.exists() {
        fs::remove_dir_all(&bundle)?;
    }
    shell::run(Command::new("umoci").args(["unpack", "--rootless", "--image", image]).arg(&bundle))?;
    // Its own user writes to /tmp; that it is somebody else here is the unpacking's doing.
    fs::set_permissions(bundle.join("rootfs/tmp"), fs::Permissions::from_mode(0o1777))?;
    Ok(bundle)
}

/// Its entry point as its user, with its environment, in its root; the emulator is put there where one is needed.
fn as_the_image_says(target: Target, bundle: &Path) -> Result<Command> {
    let config: Value = serde_json::from_slice(&fs::read(bundle.join("config.json"))?)?;
    let process = &config["process"];
    let (uid, gid) = (&process["user"]["uid"], &process["user"]["gid"]);
    ensure!(uid.as_u64() > Some(0) && gid.as_u64() > Some(0), "the image runs as root: {}", process["user"]);
    let root = bundle.join("rootfs");
    let mut command = Command::new("unshare");
    command.arg("--user").args([format!("--map-user={uid}"), format!("--map-group={gid}")]).arg("--root").arg(&root);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    if let Some(emulator) = target.emulator.and_then(|line| line.split(' ').next()) {
        fs::copy(shell::find(emulator).context("no emulator")?, root.join(emulator))?;
        command.arg(format!("/{emulator}"));
    }
    command.args(process["args"].as_array().into_iter().flatten().filter_map(Value::as_str));
    command.envs(process["env"].as_array().into_iter().flatten().filter_map(|pair| pair.as_str()?.split_once('=')));
    Ok(command)
}

/// Registers something with half of the request sent before SIGTERM and half after it.
fn stop_under_way(process: &mut Process, at: SocketAddr) -> Result<()> {
    let mut line = TcpStream::connect(at)?;
    let head = "POST /v1/projects/p/locations/europe-west1/registries HTTP/1.1\r\nhost: tried\r\nauthorization: Bearer tried\r\n";
    let (first, second) = BODY.split_at(BODY.len() / 2);
    write!(line, "{head}content-length: {}\r\nconnection: close\r\n\r\n{first}", BODY.len())?;
    thread::sleep(PAUSE);
    stage::signal("TERM", &process.pid().to_string())?;
    thread::sleep(PAUSE);
    write!(line, "{second}")?;
    let mut answer = String::new();
    line.set_read_timeout(Some(STOP_LIMIT))?;
    line.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "a request that was under way at SIGTERM was answered `{answer}`");
    let since = Instant::now();
    loop {
        if let Some(status) = process.child_mut().try_wait()? {
            ensure!(status.success(), "it ended with {status} after SIGTERM");
            return Ok(());
        }
        ensure!(since.elapsed() < STOP_LIMIT, "it did not end within {} s of SIGTERM", STOP_LIMIT.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
}
