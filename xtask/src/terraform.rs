//! # `cargo xtask terraform`
//!
//! Promise: what `terraform/` says is tried by Terraform itself, without an account and without the internet. Google's provider
//! is its schema, served by a program of ours that makes up what Google would; AWS's is the real one, against moto. Both are
//! applied, planned again (nothing may change), held to rules and to the documents, and broken on purpose. A part that cannot be had is an error that says how to get
//! it.
//!
//! Not tried: what only the clouds check themselves, such as patterns of names, quotas and what a role allows.

mod applied;
mod aws;
mod documents;
mod google;
mod mistakes;
mod readme;
mod root;
mod rules;

use std::fs::{self, File};
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::args::Args;
use crate::{interrupt, shell};
use readme::Readme;
use root::{Root, program};

const HELP: &str = "\
Tries what terraform/ says by Terraform itself, without an account: format, types, plan tests, applies, deliberate mistakes.

Usage: cargo xtask terraform [--google | --aws]

  --google   only Google: its schema out of PyPI's cdktn-provider-google
  --aws      AWS, the real provider against moto, and of Google what the README does before

What it needs beyond Rust: terraform, Python 3 with venv, and for AWS the provider hashicorp/aws in a folder that Terraform installs
from (TF_PLUGIN_MIRROR names it where it is in an unusual place); for the README's commands gcloud and skopeo. Python's packages are
installed into the target folder.";

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let (only_google, only_aws) = (args.has("--google"), args.has("--aws"));
    args.finish()?;
    interrupt::listen()?;
    let _alone = alone()?;
    let start = Instant::now();
    let mut steps = Steps::default();
    steps.step("format", || {
        let mut command = Command::new(program()?);
        command.current_dir(shell::root()).args(["fmt", "-check", "-recursive", "-diff", "terraform", "tests/terraform"]);
        shell::run(&mut command).context("`terraform fmt -recursive` sets it right")
    })?;
    steps.step("registries and devices as data: plan tests", || Root::copied("registry", "modules/registry", Vec::new())?.test())?;
    let provider = steps.step("Google: the provider's schema", google::Provider::start)?;
    let readme = steps.step("`drawbridge` for the README's commands", || {
        shell::cargo(&["build", "--quiet", "-p", "drawbridge"])?;
        Readme::prepared(provider.env())
    })?;
    google::follow(&mut steps, &readme)?;
    if !only_aws {
        google::run(&mut steps, &provider)?;
    }
    if !only_google {
        aws::run(&mut steps, &readme)?;
    }
    println!(
        "terraform: {} steps passed in {:.0} s; everything that was started has been ended",
        steps.passed,
        start.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

/// How often a run that waits looks whether it may begin, and whether it was told to stop.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// One run at a time: each clears the folder that the one before worked in. The lock goes with the value.
fn alone() -> Result<File> {
    let home = shell::target().join("test-tools/terraform");
    fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
    let lock = File::create(home.join("lock")).context("creating the lock of the terraform runs")?;
    if lock.try_lock().is_err() {
        println!("Another `cargo xtask terraform` is under way; waiting for its end");
        while lock.try_lock().is_err() {
            interrupt::check()?;
            thread::sleep(LOOK_EVERY);
        }
    }
    Ok(lock)
}

/// Counts and times what is done.
#[derive(Debug, Default)]
struct Steps {
    passed: usize,
}

impl Steps {
    /// Does one thing and says how long it took.
    fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        interrupt::check()?;
        let start = Instant::now();
        let done = work().with_context(|| format!("terraform, {name}"))?;
        println!("{name}: passed in {:.1} s", start.elapsed().as_secs_f64());
        self.passed += 1;
        Ok(done)
    }
}
