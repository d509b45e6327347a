//! # `cargo xtask check`
//!
//! What a change must pass besides its tests. Each step is a tool with its rules in the tree: rustfmt.toml, clippy.toml,
//! functions/clippy.toml, deny.toml, and the numbers of docs/architecture.md.

mod numbers;

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;

use crate::args::Args;
use crate::package::FOR_LAMBDA;
use crate::tools::CargoTool;
use crate::{interrupt, shell};

const HELP: &str = "\
What a change must pass besides its tests: format, numbers, lints, documents, bans.

Usage: cargo xtask check [--advisories]

  --advisories   also ask the advisory database, which has to be reachable

cargo-deny is built into the target folder when it is missing.";

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let with_advisories = args.has("--advisories");
    args.finish()?;
    interrupt::listen()?;
    // It takes minutes when it has to be built, so it begins at once, beside the other steps.
    let deny = CargoTool::begin("cargo-deny")?;
    step("format", || shell::cargo(&["fmt", "--all", "--check"]))?;
    step("numbers", numbers::check)?;
    step("lints", || shell::cargo(&["clippy", "--quiet", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"]))?;
    // What is meant for elsewhere is left out of Lambda's zip by a feature; the workspace is checked with it.
    step("lints of the functions on Lambda", || {
        let mut command = shell::cargo_command();
        shell::run(command.args(["clippy", "--quiet"]).args(FOR_LAMBDA).args(["--", "-D", "warnings"]))
    })?;
    step("documents", || {
        let mut command = shell::cargo_command();
        shell::run(command.args(["doc", "--quiet", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("bans, licenses, sources", || {
        let mut command = Command::new(deny.finish()?);
        command.current_dir(shell::root()).args(["--log-level", "error", "check", "bans", "licenses", "sources"]);
        shell::run(command.args(with_advisories.then_some("advisories")))
    })?;
    if !with_advisories {
        println!("advisories: not asked; `cargo xtask check --advisories` does where the advisory database can be reached");
    }
    Ok(ExitCode::SUCCESS)
}

fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    interrupt::check()?;
    let start = Instant::now();
    work()?;
    println!("{name}: passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
