//! A running installation, and the program beside it in a folder and environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::Value;
use stage::{ADMIN_TOKEN, Binaries, Cloud, CloudOptions};
use tempfile::TempDir;

/// What one run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The output of a run that went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The output as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// The error of a run that ended with `code`; holds each of `says`.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, says: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for text in says {
            assert!(self.err.contains(text), "{text:?} is missing in {}", self.err);
        }
        assert!(!self.err.contains(ADMIN_TOKEN), "{}", self.err);
    }
}

/// The program in a folder of its own.
pub(crate) fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drawbridge"));
    command.current_dir(dir).env_clear().env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap());
    command
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let out = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: out.status.code().unwrap(), out: text(out.stdout), err: text(out.stderr) }
}

/// A P-256 key: its private half in `{name}.key.pem`, its public half in `{name}.pub.pem`, as `drawbridge-shim keygen` names them.
pub(crate) fn make_key(dir: &Path, name: &str) {
    let key = KeyPair::generate().unwrap();
    fs::write(dir.join(format!("{name}.key.pem")), key.serialize_pem()).unwrap();
    fs::write(dir.join(format!("{name}.pub.pem")), key.public_key_pem()).unwrap();
}

/// `drawbridge up`, with a registry `my-registry` in `europe-west1` where a test asks for it.
pub(crate) struct Scene {
    pub(crate) cloud: Cloud,
    pub(crate) dir: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::start(TempDir::new().unwrap(), Vec::new())
    }

    /// The same, whose stand-ins for Google's services let those in who have a role in `policy`.
    pub(crate) fn with_policy(policy: &Value) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("policy.json");
        fs::write(&file, policy.to_string()).unwrap();
        Self::start(dir, vec![("DRAWBRIDGE_IAM_POLICY".to_owned(), file.display().to_string())])
    }

    fn start(dir: TempDir, env: Vec<(String, String)>) -> Self {
        let binaries = Binaries { drawbridge: env!("CARGO_BIN_EXE_drawbridge").into(), shim: PathBuf::new() };
        let cloud = Cloud::start(&binaries, dir.path(), &CloudOptions { env, ..CloudOptions::local("demo") }).unwrap();
        Self { cloud, dir }
    }

    pub(crate) fn with_registry() -> Self {
        let scene = Self::new();
        scene.run("registries create my-registry --event-notification-config topic=events").ok();
        scene
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.cloud.http)
    }

    /// The program with everything set that a person sets once.
    pub(crate) fn command(&self) -> Command {
        let mut command = program(self.dir.path());
        command.envs([("DRAWBRIDGE_ENDPOINT", self.endpoint().as_str()), ("DRAWBRIDGE_ADMIN_TOKEN", ADMIN_TOKEN)]);
        command.envs([("DRAWBRIDGE_PROJECT", "demo"), ("DRAWBRIDGE_REGION", "europe-west1"), ("DRAWBRIDGE_REGISTRY", "my-registry")]);
        command
    }

    /// Runs it with words that hold no spaces.
    pub(crate) fn run(&self, words: &str) -> Ran {
        run(self.command().args(words.split_whitespace()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn make_key(&self, name: &str) {
        make_key(self.dir.path(), name);
    }

    /// A CA certificate in `{name}.pem`.
    pub(crate) fn make_ca(&self, name: &str) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        fs::write(self.path(&format!("{name}.pem")), certificate.pem()).unwrap();
    }
}
