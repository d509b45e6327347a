//! The deploy sections of README.md, as a person would paste them: their shell blocks run as they stand, one section after the other.
//!
//! | command | what answers |
//! | --- | --- |
//! | `terraform` | the real one; Google's schema, and AWS's real provider against moto |
//! | `gcloud` | the real one, against stand-ins on this machine; but `gcloud auth application-default login`, which opens a browser, is only checked |
//! | `skopeo` | the real one, against a stand-in for the registry: `europe-west1-docker.pkg.dev` is replaced by its address |
//! | `aws` | the real one, of PyPI, against moto |
//! | `drawbridge` | the real one, built here |
//! | `cargo` | checked: building and packaging have their own tests; what they would leave is put there |

mod programs;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use stage::Process;

use super::root::{Root, SETTINGS};
use crate::{interrupt, shell, tools};

/// Where Google keeps images, as the README has it.
const REGISTRY: &str = "europe-west1-docker.pkg.dev";

/// A Python program that listens.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The end of what a section printed, when it fails.
const SHOWN_LINES: usize = 25;

/// The work tree of a person who follows the README.
pub(super) struct Readme {
    tree: PathBuf,
    /// What everything in it runs with.
    env: Vec<(&'static str, OsString)>,
    registry: String,
    _stand_ins: Process,
}

impl Readme {
    /// A copy of `terraform/` with a home and programs of its own; `env` leads Terraform to its providers.
    pub(super) fn prepared(env: Vec<(&'static str, OsString)>) -> Result<Self> {
        let tree = shell::target().join("test-tools/terraform/readme");
        let python = tools::terraform_python()?;
        let root = Root::copied("readme/terraform", "examples/gcp", Vec::new())?;
        root.write("more.auto.tfvars", &fixture("google/functions.tfvars")?)?;
        let aws = root.beside(Path::new("../aws"));
        aws.write("moto_override.tf", &fixture("aws/moto_override.tf")?)?;
        aws.write("more.auto.tfvars", &fixture("aws/values.auto.tfvars")?)?;
        let programs = programs::lay_out(&tree, &python)?;
        let (process, address) = stand_ins(&tree, &python)?;
        programs::settle_home(&tree, &address)?;
        let env = [env, programs::environment(&tree, &programs, &address)].concat();
        Ok(Self { tree, env, registry: address, _stand_ins: process })
    }

    /// Runs the shell blocks of a section; `more` is for this section alone.
    pub(super) fn follow(&self, heading: &str, more: &[(&'static str, OsString)]) -> Result<()> {
        let script = blocks(&fs::read_to_string(shell::root().join("README.md"))?, heading)?.replace(REGISTRY, &self.registry);
        let mut bash = Command::new("bash");
        bash.current_dir(&self.tree).args(["-euo", "pipefail", "-c", &script]).envs(SETTINGS);
        let output = bash.envs(self.env.iter().cloned()).envs(more.iter().cloned()).output().context("running bash")?;
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let last: Vec<_> = said.lines().skip(said.lines().count().saturating_sub(SHOWN_LINES)).collect();
        ensure!(output.status.success(), "`{heading}` of README.md failed ({}):\n{}", output.status, last.join("\n"));
        Ok(())
    }

    /// What the section applied.
    pub(super) fn root(&self, example: &str, more: &[(&'static str, OsString)]) -> Root {
        Root::existing(self.tree.join("terraform/examples").join(example), [&self.env[..], more].concat())
    }

    /// The profile leads to what was rented, and the admin token is in its one file and in nothing that Terraform wrote.
    pub(super) fn check(&self, endpoint: &str) -> Result<()> {
        let mut list = Command::new(stage::Binaries::built_in(&shell::target().join("debug"))?.drawbridge);
        list.args(["registries", "list", "--curl"]).envs(self.env.iter().cloned());
        let line = shell::output(&mut list)?;
        ensure!(line.contains(endpoint), "the profile leads to {line}, not to {endpoint}");
        let token = fs::read_to_string(self.tree.join("home/.config/drawbridge/admin-token")).context("the admin token was not kept")?;
        ensure!(token.trim().len() == 64, "the admin token is not what openssl made");
        let found = holding(&self.tree.join("terraform"), token.trim().as_bytes())?;
        ensure!(found.is_empty(), "the admin token stands in {found:?}");
        Ok(())
    }
}

fn fixture(name: &str) -> Result<String> {
    let path = shell::root().join("tests/terraform").join(name);
    fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
}

fn stand_ins(tree: &Path, python: &Path) -> Result<(Process, String)> {
    let ready = tree.join("stand-ins.port");
    let _none = fs::remove_file(&ready);
    let mut command = Command::new(python);
    command.arg(shell::root().join("tests/terraform/google_stand_ins.py")).arg("--ready-file").arg(&ready);
    command.arg("--image").arg(tree.join("image.tar"));
    let mut process = Process::start("the stand-ins for Google", &mut command, &tree.join("stand-ins.log"))?;
    let port = process.wait_for("listen", START_LIMIT, || {
        interrupt::check()?;
        Ok(fs::read_to_string(&ready).ok())
    })?;
    Ok((process, format!("127.0.0.1:{port}")))
}

/// The shell blocks under a heading, in their order.
fn blocks(readme: &str, heading: &str) -> Result<String> {
    let (_, rest) = readme.split_once(&format!("\n## {heading}\n")).with_context(|| format!("README.md has no `## {heading}`"))?;
    let section = rest.split("\n## ").next().unwrap_or(rest);
    let found: Vec<_> = section.split("\n```sh\n").skip(1).filter_map(|block| block.split("\n```").next()).collect();
    ensure!(!found.is_empty(), "`## {heading}` of README.md has no shell block");
    Ok(found.join("\n"))
}

/// Files below a folder that hold these bytes; not providers, which are not ours.
fn holding(folder: &Path, bytes: &[u8]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("providers") {
            found.extend(holding(&path, bytes)?);
        } else if path.is_file() && fs::read(&path)?.windows(bytes.len()).any(|window| window == bytes) {
            found.push(path);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sections_have_blocks_and_they_are_found() {
        let readme = fs::read_to_string(shell::root().join("README.md")).unwrap();
        for (heading, first, last) in [
            ("In your own account: Google Cloud", "cargo build", "profile from-terraform"),
            ("In your own account: AWS", "cargo xtask package lambda arm64", "profile from-terraform"),
        ] {
            let script = blocks(&readme, heading).unwrap();
            assert!(script.starts_with(first) && script.ends_with(last), "{script}");
        }
        assert!(blocks(&readme, "In your own account: Azure").is_err());
    }

    #[test]
    fn a_secret_in_a_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("state"), "{\"token\": \"hush\"}").unwrap();
        assert_eq!(holding(folder.path(), b"hush").unwrap().len(), 1);
        assert!(holding(folder.path(), b"other").unwrap().is_empty());
    }
}
