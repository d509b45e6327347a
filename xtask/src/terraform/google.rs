//! Google: the real Terraform, and a provider with the real schema and nothing behind it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use stage::Process;

use super::applied::Applied;
use super::root::Root;
use super::{Steps, documents, mistakes, rules};
use crate::{interrupt, shell, tools};

/// Bindings that were generated from hashicorp/google 8.7.0: 67 MB, fetched once.
const BINDINGS: &str = "cdktn-provider-google==21.1.0";

/// It reads a schema of half a megabyte.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Both designs, as a person would choose them.
const DESIGNS: [(&str, &str, &[&str]); 2] = [
    ("functions alone", "functions.tfvars", &[FUNCTIONS]),
    ("with the bridge", "bridge.tfvars", &[FUNCTIONS, "Google, with the bridge, also"]),
];

/// As docs/cost.md calls the design that is the default.
const FUNCTIONS: &str = "Google";

pub(super) fn run(steps: &mut Steps) -> Result<()> {
    let provider = steps.step("Google: the provider's schema", Provider::start)?;
    for (what, values, said) in DESIGNS {
        let root = Root::copied("google", "examples/gcp", provider.env())?;
        root.write("values.auto.tfvars", &fs::read_to_string(fixture(values))?)?;
        let made = steps.step(&format!("Google, {what}: validate, apply, and nothing to do after it"), || {
            root.validate()?;
            // What has to be there before the image and the token can be, as the README has it.
            root.run(&["apply", "-auto-approve", "-target=module.images", "-target=google_secret_manager_secret.admin_token"])?;
            root.apply()?;
            Ok(root.resources()?.len())
        })?;
        println!("  {made} resources");
        steps.step(&format!("Google, {what}: rules and documents"), || {
            let applied = Applied::read(&root)?;
            rules::check(&applied)?;
            documents::costs(&applied, said)?;
            documents::alerts(&applied, "Google")
        })?;
    }
    let root = Root::copied("google", "examples/gcp", provider.env())?;
    steps.step("Google: modules that no example uses", || validate_unused(&root))?;
    steps.step("Google: plan tests", || root.test())?;
    root.write("values.auto.tfvars", &fs::read_to_string(fixture("bridge.tfvars"))?)?;
    mistakes::run(steps, "Google", &root, &fixture("mistakes"))
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

/// The program that answers Terraform; it ends with this value.
struct Provider {
    attached: String,
    _process: Process,
}

impl Provider {
    fn start() -> Result<Self> {
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
        let mut process = Process::start("the provider of Google's schema", &mut command, &home.join("google-provider.log"))?;
        let attached = process.wait_for("listen", START_LIMIT, || {
            interrupt::check()?;
            Ok(fs::read_to_string(&ready).ok())
        })?;
        Ok(Self { attached, _process: process })
    }

    fn env(&self) -> Vec<(&'static str, OsString)> {
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
