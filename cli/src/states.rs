//! `drawbridge states`: what a device says it is.

use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;

use crate::client::Request;
use crate::flags::OnDevice;
use crate::session::{Session, Verb};
use crate::table::{Column, payload, time};

/// Taught by `--help`.
pub(crate) const EXAMPLES: &str = "  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry
  drawbridge states list my-device
  drawbridge states list --device my-device --limit 1 --json";

#[derive(Debug, Subcommand)]
pub(crate) enum States {
    /// List the states that are kept, newest first.
    List {
        #[command(flatten)]
        device: OnDevice,
        /// States at most; ten are kept.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
}

const COLUMNS: [Column; 2] = [("UPDATE_TIME", |s| time(&s["updateTime"])), ("DATA", |s| payload(&s["binaryData"]))];

impl Verb for States {
    fn run(self, session: &Session) -> Result<()> {
        let Self::List { device, limit } = self;
        let about = session.on(&device)?;
        let request = Request::get(&about).below("states").query("numStates", limit.unwrap_or(0).to_string());
        let Some(mut answer) = session.send(&request)? else { return Ok(()) };
        let rows = if let Value::Array(rows) = answer["deviceStates"].take() { rows } else { Vec::new() };
        session.rows(rows, &COLUMNS, &format!("The {about} has reported no state yet."))
    }
}
