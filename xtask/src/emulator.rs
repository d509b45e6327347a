//! Google's emulators of Pub/Sub and Firestore, from the Google Cloud SDK of this machine.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use stage::{Http, Process};

use crate::{interrupt, shell};

/// Folders in which the SDK's packages and installers put it.
const USUAL_ROOTS: [&str; 4] =
    ["/usr/lib/google-cloud-sdk", "/usr/share/google-cloud-sdk", "/opt/google-cloud-sdk", "/snap/google-cloud-cli/current"];

/// They take 1.5 and 3.5 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The emulators never give memory back; 100,000 messages take 440 MB.
const JAVA_OPTS: &str = "-Xmx512m";

/// Which service an emulator stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Service {
    PubSub,
    Firestore,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::PubSub => "Pub/Sub",
            Self::Firestore => "Firestore",
        }
    }

    /// Its name in packages and components.
    fn id(self) -> &'static str {
        match self {
            Self::PubSub => "pubsub",
            Self::Firestore => "firestore",
        }
    }

    /// The program in the SDK, and the words before its flags.
    fn program(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::PubSub => ("platform/pubsub-emulator/bin/cloud-pubsub-emulator", &[]),
            Self::Firestore => ("platform/cloud-firestore-emulator/cloud_firestore_emulator", &["start"]),
        }
    }

    fn how_to_install(self) -> String {
        let (name, id) = (self.name(), self.id());
        let component = if id == "pubsub" { "pubsub-emulator" } else { "cloud-firestore-emulator" };
        format!(
            "Google's {name} emulator is not installed. Install it by `apt-get install google-cloud-cli google-cloud-cli-{id}-emulator` \
             or by `gcloud components install {component}`; an SDK in an unusual place is named by CLOUDSDK_ROOT"
        )
    }
}

/// A running emulator with nothing in it.
pub(crate) struct Emulator {
    pub(crate) addr: SocketAddr,
    process: Process,
}

impl Emulator {
    /// Finds and starts it on a free port.
    pub(crate) fn start(service: Service) -> Result<Self> {
        let name = service.name();
        ensure!(shell::find("java").is_some(), "the {name} emulator needs Java: `apt-get install default-jre-headless`");
        let program = locate(service)?;
        let logs = shell::target().join("test-tools");
        std::fs::create_dir_all(&logs).with_context(|| format!("creating {}", logs.display()))?;
        // Free now; the emulator takes it within the second, or says that it could not.
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new(program);
        command.args(service.program().1).arg("--host=127.0.0.1").arg(format!("--port={}", addr.port()));
        // A group of its own: Firestore's program is a script that would leave its Java behind.
        command.env("JAVA_OPTS", JAVA_OPTS).process_group(0);
        let log = logs.join(format!("{}-emulator.log", service.id()));
        let mut process = Process::start(&format!("the {name} emulator"), &mut command, &log)?;
        process.wait_for("answer", START_LIMIT, || {
            interrupt::check()?;
            Ok(Http::to(addr).get("/").ok())
        })?;
        Ok(Self { addr, process })
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // What cannot be ended has ended by itself.
        let _ended = stage::signal("TERM", &format!("-{}", self.process.pid()));
    }
}

fn locate(service: Service) -> Result<PathBuf> {
    let program = service.program().0;
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join("google-cloud-sdk"));
    let named = env::var_os("CLOUDSDK_ROOT").map(PathBuf::from);
    let known = named.into_iter().chain(USUAL_ROOTS.map(PathBuf::from)).chain(home);
    let found = known.map(|root| root.join(program)).find(|program| program.is_file());
    found.or_else(|| ask_gcloud(program)).with_context(|| service.how_to_install())
}

fn ask_gcloud(program: &str) -> Option<PathBuf> {
    let gcloud = shell::find("gcloud")?;
    let root = shell::output(Command::new(gcloud).args(["info", "--format=value(installation.sdk_root)"])).ok()?;
    let program = PathBuf::from(root.trim()).join(program);
    program.is_file().then_some(program)
}
