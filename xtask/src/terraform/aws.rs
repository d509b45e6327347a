//! AWS: the real Terraform and the real provider, against moto. What it makes is changed once and destroyed whole.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::applied::Applied;
use super::readme::Readme;
use super::root::Root;
use super::{Steps, documents, mistakes, rules};
use crate::python_server::PythonServer;
use crate::{shell, tools};

/// The provider, as a mirror has it.
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";

/// Where installers, images and people put mirrors; the first two below HOME.
const USUAL_MIRRORS: [&str; 6] = [
    ".terraform.d/plugins",
    ".terraform.d/plugin-cache",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/terraform/plugins",
    "/opt/tf-plugins",
];

/// As in README.md.
const REGION: &str = "eu-central-1";

/// Moto asks for keys and takes any; nobody else is asked for them.
const KEYS: [(&str, &str); 3] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_EC2_METADATA_DISABLED", "true")];

const INSTALL: &str = "the provider hashicorp/aws is in no folder that we know. Where the internet is: \
                       `terraform -chdir=terraform/examples/aws providers mirror ~/.terraform.d/plugins`; \
                       a mirror in an unusual place is named by TF_PLUGIN_MIRROR";

/// The section of the README.
const SECTION: &str = "In your own account: AWS";

/// AWS as this machine has it: moto, and where the provider is.
pub(super) struct Aws {
    python: PathBuf,
    moto: PythonServer,
    env: Vec<(&'static str, OsString)>,
}

impl Aws {
    pub(super) fn start() -> Result<Self> {
        let mirror = mirror()?;
        let home = shell::target().join("test-tools/terraform");
        fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
        let python = tools::python()?;
        let moto = PythonServer::start(&python, "moto as AWS", "aws_emulator")?;
        let env = env(&mirror, &home, &moto)?;
        Ok(Self { python, moto, env })
    }
}

/// The README's commands, which come after those for Google; then what must not pass, and the end.
pub(super) fn run(steps: &mut Steps, readme: &Readme) -> Result<()> {
    let aws = Aws::start()?;
    let tests = Root::copied("aws", "examples/aws", aws.env.clone())?;
    steps.step("AWS: plan tests", || tests.test())?;
    let root = readme.root("aws", &aws.env);
    let empty = inventory(&aws.python, &aws.moto)?;
    steps.step("AWS: the README's commands, and nothing to do after them", || {
        readme.follow(SECTION, &aws.env)?;
        root.is_settled()?;
        let of_moto = inventory(&aws.python, &aws.moto)?.difference(&empty).count();
        ensure!(of_moto > 0, "moto holds nothing of what was applied: is it asked?");
        readme.check(".lambda-url.")
    })?;
    steps.step("AWS: rules and documents", || {
        let applied = Applied::read(&root)?;
        println!("  {} resources", applied.resources.len());
        rules::check(&applied)?;
        documents::costs(&applied, &["AWS"])?;
        documents::alerts(&applied, "AWS")
    })?;
    steps.step("AWS: another issuer changes one thing", || update(&root))?;
    mistakes::run(steps, "AWS", &root, &shell::root().join("tests/terraform/aws/mistakes"))?;
    steps.step("AWS: destroy, and nothing remains", || {
        root.run(&["destroy", "-auto-approve"])?;
        let left: Vec<_> = inventory(&aws.python, &aws.moto)?.difference(&empty).cloned().collect();
        ensure!(left.is_empty(), "what remains: {}", left.join(", "));
        Ok(())
    })
}

/// Another issuer is another variable of one function, and nothing else.
fn update(root: &Root) -> Result<()> {
    let planned = root.planned(&["-var=issuer=https://tokens.example.org"])?;
    let one = r#"module.function["tokens"].aws_lambda_function.function"#;
    ensure!(planned == [(one.to_owned(), vec!["update".to_owned()])], "another issuer would change {planned:?}");
    Ok(())
}

/// A folder with the provider in it, as `terraform providers mirror` makes them.
fn mirror() -> Result<PathBuf> {
    let named = env::var_os("TF_PLUGIN_MIRROR").map(PathBuf::from);
    let cache = env::var_os("TF_PLUGIN_CACHE_DIR").map(PathBuf::from);
    let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
    // An absolute path takes the place of what it is joined to.
    let usual = USUAL_MIRRORS.iter().map(|path| home.join(path));
    named.into_iter().chain(cache).chain(usual).find(|folder| folder.join(PROVIDER).is_dir()).context(INSTALL)
}

/// Terraform's own settings: that mirror and no registry; and moto in place of AWS.
fn env(mirror: &Path, home: &Path, moto: &PythonServer) -> Result<Vec<(&'static str, OsString)>> {
    let settings = home.join("aws.tfrc");
    let text = format!("provider_installation {{\n  filesystem_mirror {{\n    path = {:?}\n  }}\n}}\n", mirror.display().to_string());
    fs::write(&settings, text).with_context(|| format!("writing {}", settings.display()))?;
    Ok([("TF_CLI_CONFIG_FILE", settings.into()), ("AWS_ENDPOINT_URL", format!("http://{}", moto.addr).into())]
        .into_iter()
        .chain(KEYS.map(|(name, value)| (name, value.into())))
        .collect())
}

/// What the account holds, one line each.
fn inventory(python: &Path, moto: &PythonServer) -> Result<BTreeSet<String>> {
    let mut command = Command::new(python);
    command.arg(shell::root().join("tests/terraform/aws_inventory.py")).args(["--region", REGION]);
    command.arg("--endpoint-url").arg(format!("http://{}", moto.addr)).envs(KEYS);
    Ok(shell::output(&mut command)?.lines().map(Into::into).collect())
}
