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
What a change must pass besides its tests: format, numbers, lints, documents, unused dependencies, bans.

Usage: cargo xtask check [--advisories]

  --advisories   also ask the advisory database, which has to be reachable

cargo-deny and cargo-machete are built into the target folder when they are missing.";

/// Where the packages of the workspace are; `fuzz` is one of its own.
const ROOMS: [&str; 9] = ["cli", "device-shim", "durable", "functions", "infra", "protocol", "tests", "websocket", "xtask"];

pub(crate) fn run(words: Vec<String>) -> Result<ExitCode> {
    let Some(mut args) = Args::of(words, HELP) else { return Ok(ExitCode::SUCCESS) };
    let with_advisories = args.has("--advisories");
    args.finish()?;
    interrupt::listen()?;
    // They take minutes when they have to be built, so they begin at once, beside the other steps.
    let (deny, machete) = (CargoTool::begin("cargo-deny")?, CargoTool::begin("cargo-machete")?);
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
    step("unused dependencies", || {
        // Asks cargo for the names of libraries, which differ from those of their packages.
        let mut command = Command::new(machete.finish()?);
        shell::run(command.current_dir(shell::root()).arg("--with-metadata").args(ROOMS))
    })?;
    let deny = deny.finish()?;
    let denied =
        |what: &[&str]| shell::run(Command::new(&deny).current_dir(shell::root()).args(["--log-level", "warn", "check"]).args(what));
    step("bans, licenses, sources", || denied(&["--deny", "warnings", "bans", "licenses", "sources"]))?;
    if with_advisories {
        step("advisories", || denied(&["advisories"]))?;
    } else {
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
