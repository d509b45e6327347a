//! A root module in a copy of `terraform/`, and Terraform in it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::shell;

/// What Terraform leaves in a folder.
const LEFT_BEHIND: [&str; 3] = [".terraform", ".terraform.lock.hcl", "terraform.tfstate"];

/// The end of what it printed, when it fails; the error itself is shown whole.
const SHOWN_LINES: usize = 20;

/// The exit code of `plan -detailed-exitcode` when something would change.
const CHANGES: i32 = 2;

/// No question, no report home, no colour in a log.
pub(super) const SETTINGS: [(&str, &str); 4] =
    [("TF_INPUT", "0"), ("TF_IN_AUTOMATION", "1"), ("CHECKPOINT_DISABLE", "1"), ("TF_CLI_ARGS", "-no-color")];

/// Terraform, which nobody but its makers packs.
pub(super) fn program() -> Result<PathBuf> {
    shell::find("terraform").context(
        "terraform is needed, 1.9 or newer: https://developer.hashicorp.com/terraform/install has it for every system \
         (Debian: HashiCorp's apt repository, then `apt-get install terraform`)",
    )
}

/// A root module that may be written to.
#[derive(Debug)]
pub(super) struct Root {
    folder: PathBuf,
    env: Vec<(&'static str, OsString)>,
}

impl Root {
    /// A fresh copy of `terraform/` with nothing of an earlier run; the root is its folder `inside`.
    pub(super) fn copied(name: &str, inside: &str, env: Vec<(&'static str, OsString)>) -> Result<Self> {
        let copy = shell::target().join("test-tools/terraform").join(name);
        if copy.exists() {
            fs::remove_dir_all(&copy).with_context(|| format!("removing {}", copy.display()))?;
        }
        copy_folder(&shell::root().join("terraform"), &copy).with_context(|| format!("copying terraform/ to {}", copy.display()))?;
        Ok(Self { folder: copy.join(inside), env })
    }

    /// One that is there already, with what was applied in it.
    pub(super) fn existing(folder: PathBuf, env: Vec<(&'static str, OsString)>) -> Self {
        Self { folder, env }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Another root of the same copy.
    pub(super) fn beside(&self, folder: &Path) -> Self {
        Self { folder: self.folder.join(folder), env: self.env.clone() }
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))
    }

    /// Runs Terraform and returns what it prints; its error is ours.
    pub(super) fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.output(words)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if !output.status.success() {
            let said = text(&output.stdout);
            let last: Vec<_> = said.lines().skip(said.lines().count().saturating_sub(SHOWN_LINES)).collect();
            bail!("`terraform {}` failed:\n{}\n{}", words.join(" "), last.join("\n"), text(&output.stderr));
        }
        Ok(text(&output.stdout))
    }

    fn output(&self, words: &[&str]) -> Result<Output> {
        let mut command = Command::new(program()?);
        command.current_dir(&self.folder).args(words);
        command.envs(SETTINGS);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.output().context("running terraform")
    }

    /// Installs what it needs, and checks it without values.
    pub(super) fn validate(&self) -> Result<()> {
        self.run(&["init"])?;
        self.run(&["validate"]).map(drop)
    }

    /// Checks it, and runs its plan tests.
    pub(super) fn test(&self) -> Result<()> {
        self.validate()?;
        let said = self.run(&["test"])?;
        print!("{}", said.lines().filter(|l| l.contains("passed")).map(|l| format!("  {l}\n")).collect::<String>());
        Ok(())
    }

    /// Applies; then a second plan has nothing to do.
    pub(super) fn apply(&self) -> Result<()> {
        self.run(&["apply", "-auto-approve"])?;
        self.is_settled()
    }

    /// A plan has nothing to do.
    pub(super) fn is_settled(&self) -> Result<()> {
        let words = ["plan", "-detailed-exitcode"];
        let again = self.output(&words)?;
        let said = String::from_utf8_lossy(&again.stdout);
        ensure!(again.status.code() != Some(CHANGES), "a second plan has something to do:\n{said}");
        ensure!(again.status.success(), "the second plan failed:\n{said}{}", String::from_utf8_lossy(&again.stderr));
        Ok(())
    }

    /// Addresses in the state.
    pub(super) fn resources(&self) -> Result<Vec<String>> {
        Ok(self.run(&["state", "list"])?.lines().filter(|l| !l.contains("data.")).map(Into::into).collect())
    }

    /// What a plan with these further words would do: address and actions.
    pub(super) fn planned(&self, words: &[&str]) -> Result<Vec<(String, Vec<String>)>> {
        self.run(&[&["plan", "-out=plan"], words].concat())?;
        let plan: Value = serde_json::from_str(&self.run(&["show", "-json", "plan"])?)?;
        let texts = |list: &Value| list.as_array().into_iter().flatten().filter_map(|a| a.as_str().map(Into::into)).collect::<Vec<_>>();
        let changes = plan["resource_changes"].as_array().into_iter().flatten();
        let changes = changes.map(|c| (c["address"].as_str().unwrap_or_default().to_owned(), texts(&c["change"]["actions"])));
        Ok(changes.filter(|(_, actions)| !matches!(actions.as_slice(), [one] if one == "no-op" || one == "read")).collect())
    }

    /// What `words` with `-json` refuse: summary and detail of each error.
    pub(super) fn complaints(&self, words: &[&str]) -> Result<Vec<String>> {
        self.said(words, "error")
    }

    /// The same of this severity: `error` or `warning`.
    pub(super) fn said(&self, words: &[&str], severity: &str) -> Result<Vec<String>> {
        let output = self.output(words)?;
        let text = String::from_utf8_lossy(&output.stdout);
        // `validate` writes one document, `plan` one in each line.
        let documents = serde_json::from_str(&text)
            .map_or_else(|_| text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect(), |one: Value| vec![one]);
        let found = documents.iter().flat_map(|d| d["diagnostics"].as_array().into_iter().flatten().chain(d.get("diagnostic")));
        let of_it = found.filter(|d| d["severity"] == severity);
        let text = |d: &Value, field: &str| d[field].as_str().unwrap_or_default().to_owned();
        Ok(of_it.map(|d| format!("{}: {}", text(d, "summary"), text(d, "detail"))).collect())
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if LEFT_BEHIND.iter().any(|left| name == *left) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to.join(name))?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}
