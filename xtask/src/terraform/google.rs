//! Google: the real Terraform, and a provider with the real schema and nothing behind it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use stage::Process;

use super::applied::Applied;
use super::readme::Readme;
use super::root::Root;
use super::{Steps, documents, mistakes, rules};
use crate::{interrupt, shell, tools};

/// Bindings that were generated from hashicorp/google 8.7.0: 67 MB, fetched once.
const BINDINGS: &str = "cdktn-provider-google==21.1.0";

/// It reads a schema of half a megabyte.
const START_LIMIT: Duration = Duration::from_secs(60);

/// As docs/cost.md calls the design that is the default, and what the bridge adds to it.
const DESIGNS: [&str; 2] = ["Google", "Google, with the bridge, also"];

/// Where the bridge may be, by which values, and what is then paid for.
const HOMES: [(&str, &str, &[&str]); 2] =
    [("on machines", "bridge.tfvars", &DESIGNS), ("on Cloud Run", "bridge-cloud-run.tfvars", &["Google"])];

/// The section of the README.
const SECTION: &str = "In your own account: Google Cloud";

/// As the README has it: functions alone, command by command.
pub(super) fn follow(steps: &mut Steps, readme: &Readme) -> Result<()> {
    steps.step("Google, functions alone: the README's commands, and nothing to do after them", || {
        readme.follow(SECTION, &[])?;
        let root = readme.root("gcp", &[]);
        root.is_settled()?;
        readme.check("https://drawbridge-device-registry.example.com/")?;
        compared(&root, &DESIGNS[..1])
    })
}

/// What the README leaves to choose, and what must not pass.
pub(super) fn run(steps: &mut Steps, provider: &Provider) -> Result<()> {
    for (home, values, designs) in HOMES {
        let root = Root::copied("google", "examples/gcp", provider.env())?;
        root.write("values.auto.tfvars", &fs::read_to_string(fixture(values))?)?;
        steps.step(&format!("Google, with the bridge {home}: validate, apply, and nothing to do after it"), || {
            root.validate()?;
            root.apply()?;
            compared(&root, designs)
        })?;
    }
    let root = Root::copied("google", "examples/gcp", provider.env())?;
    steps.step("Google: modules that no example uses", || validate_unused(&root))?;
    steps.step("Google: plan tests", || root.test())?;
    root.write("values.auto.tfvars", &fs::read_to_string(fixture("bridge.tfvars"))?)?;
    mistakes::run(steps, "Google", &root, &fixture("mistakes"))?;
    half_applied(steps, provider)
}

/// What was applied, with the rules and the documents.
fn compared(root: &Root, designs: &[&str]) -> Result<()> {
    let applied = Applied::read(root)?;
    println!("  {} resources", applied.resources.len());
    rules::check(&applied)?;
    documents::costs(&applied, designs)?;
    documents::alerts(&applied, "Google")
}

/// A right that is missing and a name that is taken stop an apply in the middle; when they are gone, another one completes it.
fn half_applied(steps: &mut Steps, provider: &Provider) -> Result<()> {
    let root = Root::copied("google", "examples/gcp", provider.env())?;
    root.write("values.auto.tfvars", &fs::read_to_string(fixture("bridge.tfvars"))?)?;
    root.validate()?;
    for (what, kind, says) in REFUSED {
        steps.step(&format!("Google: {what} is named, and another apply completes"), || {
            provider.refuse(Some((kind, says)))?;
            let complaints = root.complaints(&["apply", "-auto-approve", "-json"])?;
            provider.refuse(None)?;
            ensure!(complaints.iter().any(|c| c.contains(says)), "nobody says `{says}`: {complaints:?}");
            ensure!(!root.resources()?.is_empty(), "it stopped before anything was made");
            Ok(())
        })?;
    }
    steps.step("Google: what broke off twice is completed, and nothing to do after it", || root.apply())
}

fn fixture(name: &str) -> PathBuf {
    shell::root().join("tests/terraform/google").join(name)
}

/// A module that nobody calls is checked by itself.
fn validate_unused(root: &Root) -> Result<()> {
    let example = fs::read_to_string(root.path("main.tf"))?;
    for entry in fs::read_dir(root.path("../../modules/gcp"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !example.contains(&format!("\"../../modules/gcp/{name}\"")) {
            let module = root.beside(Path::new(&format!("../../modules/gcp/{name}")));
            module.validate().with_context(|| format!("module {name}"))?;
        }
    }
    Ok(())
}

/// What Google's APIs say; `terraform` shows it as it is.
const REFUSED: [(&str, &str, &str); 2] = [
    ("a missing permission", "google_kms_key_ring", "Error 403: Permission 'cloudkms.keyRings.create' denied on resource"),
    ("a name that is taken", "google_kms_crypto_key", "Error 409: CryptoKey issuer already exists"),
];

/// The program that answers Terraform; it ends with this value.
pub(super) struct Provider {
    attached: String,
    faults: PathBuf,
    _process: Process,
}

impl Provider {
    pub(super) fn start() -> Result<Self> {
        let python = tools::terraform_python()?;
        let home = shell::target().join("test-tools/terraform");
        fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
        let programs = shell::root().join("tests/terraform");
        let schema = home.join("google-schema.json");
        let mut make = Command::new(&python);
        make.arg(programs.join("google_schema.py")).arg("--wheel").arg(bindings(&python, &home)?);
        make.arg("--modules").arg(shell::root().join("terraform")).arg("--out").arg(&schema);
        shell::run(&mut make)?;
        let ready = home.join("google-provider.json");
        let _none = fs::remove_file(&ready);
        let mut command = Command::new(&python);
        command.arg(programs.join("google_provider.py")).arg("--schema").arg(&schema).arg("--ready-file").arg(&ready);
        let faults = home.join("google-faults.json");
        let _none = fs::remove_file(&faults);
        command.arg("--faults").arg(&faults);
        let mut process = Process::start("the provider of Google's schema", &mut command, &home.join("google-provider.log"))?;
        let attached = process.wait_for("listen", START_LIMIT, || {
            interrupt::check()?;
            Ok(fs::read_to_string(&ready).ok())
        })?;
        Ok(Self { attached, faults, _process: process })
    }

    /// Lets each creation of a kind fail with these words, or no more.
    fn refuse(&self, fault: Option<(&str, &str)>) -> Result<()> {
        let text = fault.map_or_else(|| json!({}), |(kind, says)| json!({ kind: says })).to_string();
        fs::write(&self.faults, text).with_context(|| format!("writing {}", self.faults.display()))
    }

    pub(super) fn env(&self) -> Vec<(&'static str, OsString)> {
        vec![("TF_REATTACH_PROVIDERS", self.attached.clone().into())]
    }
}

/// The wheel of [`BINDINGS`], which is read and not installed.
fn bindings(python: &Path, home: &Path) -> Result<PathBuf> {
    let (name, version) = BINDINGS.split_once("==").unwrap_or((BINDINGS, ""));
    let wheel = home.join(format!("{}-{version}-py3-none-any.whl", name.replace('-', "_")));
    if !wheel.is_file() {
        println!("Fetching {BINDINGS} into {} (67 MB, once)", home.display());
        let mut fetch = Command::new(python);
        fetch.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest"]).arg(home).arg(BINDINGS);
        shell::run(&mut fetch).with_context(|| format!("Google's schema is needed: `pip download --no-deps {BINDINGS}`"))?;
    }
    ensure!(wheel.is_file(), "pip did not leave {}", wheel.display());
    Ok(wheel)
}
