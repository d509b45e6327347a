//! `drawbridge apply`: makes registries, devices and who may do what with a registry what a file says, such as Terraform writes it.
//!
//! Promise: nothing is changed before the plan was shown and agreed to; a second run has nothing to do; a run that broke off is
//! completed by the next. What the file does not name stays: a field of a resource as well as a whole one, unless `--prune`.
//! Not promised: that nobody else changes something between the plan and its steps.

mod field;
mod file;
mod plan;
mod policy;
mod step;

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow};
use clap::Parser;
use serde_json::{Value, json};

use crate::error::usage;
use crate::flags::Common;
use crate::session::Session;
use crate::table;
use file::Wanted;
use plan::Plan;
use step::Step;

/// Make registries and devices what a file says.
///
/// The file is JSON as the Terraform module `registry` writes it: {"registries": [{"id": …, "devices": [{"id": …}]}]}, each with the
/// fields of the API.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:
  drawbridge apply registries.json --plan
  drawbridge apply registries.json --yes
  terraform output -json registries | drawbridge apply - --yes --prune")]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    /// The file; `-` is the standard input
    file: PathBuf,
    /// Show what would be done, and do nothing
    #[arg(long, conflicts_with = "yes")]
    plan: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
    /// Delete what the file does not name: devices of its registries, and registries of their places
    #[arg(long)]
    prune: bool,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let session = Session::open(args.common)?;
    if session.prints() {
        return Err(usage("--curl does not go with apply: what it sends depends on what is there"));
    }
    let wanted = Wanted::read(&args.file, &session)?;
    let plan = Plan::of(&wanted, &session, args.prune)?;
    if !session.is_json() {
        table::print(&plan.to_string())?;
    }
    if args.plan || plan.steps.is_empty() {
        return if session.is_json() { session.show(&shown(&plan.steps)) } else { Ok(()) };
    }
    if !args.yes {
        agreed()?;
    }
    for (done, step) in plan.steps.iter().enumerate() {
        let broke_off = || format!("{done} of {} steps are done; run it again to go on where it stopped", plan.steps.len());
        session.send(&step.request()).with_context(broke_off)?;
    }
    session.say(&shown(&plan.steps), &format!("Done: {}.", plan.counts()))
}

/// The steps, for programs.
fn shown(steps: &[Step]) -> Value {
    steps.iter().map(|s| json!({ "action": s.verb(), "name": s.about.segments().join("/"), "fields": s.fields() })).collect()
}

/// Asks; where nobody is there to be asked, `--yes` has to be said.
fn agreed() -> Result<()> {
    if !io::stdin().is_terminal() {
        return Err(usage("nothing was changed: nobody is there to be asked, so say --yes, or --plan to look"));
    }
    eprint!("Do this? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(anyhow!("nothing was changed")) }
}
