//! Google's Pub/Sub emulator, from the Google Cloud SDK of this machine.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use stage::{Http, Process};

use crate::{interrupt, shell};

/// Folders in which the SDK's packages and installers put it.
const USUAL_ROOTS: [&str; 4] =
    ["/usr/lib/google-cloud-sdk", "/usr/share/google-cloud-sdk", "/opt/google-cloud-sdk", "/snap/google-cloud-cli/current"];

const PROGRAM: &str = "platform/pubsub-emulator/bin/cloud-pubsub-emulator";

const HOW_TO_INSTALL: &str = "Google's Pub/Sub emulator is not installed. Install it by \
     `apt-get install google-cloud-cli google-cloud-cli-pubsub-emulator` or by `gcloud components install pubsub-emulator`; \
     an SDK in an unusual place is named by CLOUDSDK_ROOT";

/// It takes 1.5 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The emulator never gives memory back; 100,000 messages take 440 MB.
const JAVA_OPTS: &str = "-Xmx512m";

/// A running emulator with nothing in it.
pub(crate) struct Emulator {
    pub(crate) addr: SocketAddr,
    _process: Process,
}

impl Emulator {
    /// Finds and starts it on a free port.
    pub(crate) fn start() -> Result<Self> {
        ensure!(shell::find("java").is_some(), "the Pub/Sub emulator needs Java: `apt-get install default-jre-headless`");
        let program = locate()?;
        let logs = shell::target().join("test-tools");
        std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        // Free now; the emulator takes it within the second, or says that it could not.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        command.arg("--host=127.0.0.1").arg(format!("--port={}", addr.port())).env("JAVA_OPTS", JAVA_OPTS);
        let mut process = Process::start("the Pub/Sub emulator", &mut command, &logs.join("pubsub-emulator.log"))?;
        process.wait_for("answer", START_LIMIT, || {
            interrupt::check()?;
            Ok(Http::to(addr).get("/").ok())
        })?;
        Ok(Self { addr, _process: process })
    }
}

fn locate() -> Result<PathBuf> {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join("google-cloud-sdk"));
    let named = env::var_os("CLOUDSDK_ROOT").map(PathBuf::from);
    let known = named.into_iter().chain(USUAL_ROOTS.map(PathBuf::from)).chain(home);
    let found = known.map(|root| root.join(PROGRAM)).find(|program| program.is_file());
    found.or_else(ask_gcloud).ok_or_else(|| anyhow!(HOW_TO_INSTALL))
}

fn ask_gcloud() -> Option<PathBuf> {
    let gcloud = shell::find("gcloud")?;
    let root = shell::output(Command::new(gcloud).args(["info", "--format=value(installation.sdk_root)"])).ok()?;
    let program = PathBuf::from(root.trim()).join(PROGRAM);
    program.is_file().then_some(program)
}
