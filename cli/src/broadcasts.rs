//! `drawbridge commands broadcast`: drives a broadcast of the server to its end, step by step.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{ArgGroup, Args};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Request;
use crate::flags::InRegistry;
use crate::pairs::Pairs;
use crate::payload;
use crate::resource::Resource;
use crate::session::Session;
use crate::table::{cell, id};
use crate::ttl::Ttl;

/// A step is what the server sends in a second.
const STEP: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["command_data", "command_file", "resume", "cancel"])))]
pub(crate) struct Broadcast {
    #[command(flatten)]
    within: InRegistry,
    /// The command itself, at most 64 KiB.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    command_data: Option<String>,
    /// The file that is the command; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    command_file: Option<PathBuf>,
    /// Only devices with all of these metadata; every device when not given.
    #[arg(long, value_name = "KEY=VALUE,…", conflicts_with_all = ["resume", "cancel"])]
    metadata: Option<Pairs>,
    /// The devices see it as the end of the topic.
    #[arg(long, value_name = "SUBFOLDER", conflicts_with_all = ["resume", "cancel"])]
    subfolder: Option<String>,
    /// How long it may wait for a device that is away, as in 90s, 30m, 1h, 7d; that is the most.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["resume", "cancel"])]
    ttl: Option<Ttl>,
    /// Devices sent to in a second, 1 to 500 [default: 100]
    #[arg(long, value_name = "N", conflicts_with_all = ["resume", "cancel"])]
    per_second: Option<u32>,
    /// Go on with a broadcast that was interrupted.
    #[arg(long, value_name = "ID")]
    resume: Option<String>,
    /// Stop a broadcast. What waits for devices by then still waits.
    #[arg(long, value_name = "ID")]
    cancel: Option<String>,
}

impl Broadcast {
    pub(crate) fn run(self, session: &Session) -> Result<()> {
        if let Some(given) = &self.cancel {
            let about = Resource::broadcast(given, || session.within(&self.within))?;
            let request = Request::new(Method::POST, &about).verb("cancel");
            return session.change(&request, |b| format!("Cancelled the {about}: {}.", told(b)));
        }
        if let Some(given) = &self.resume {
            return drive(session, &Resource::broadcast(given, || session.within(&self.within))?);
        }
        let registry = session.within(&self.within)?;
        let request = Request::new(Method::POST, &registry).verb("broadcastCommand").body(self.body()?);
        let Some(made) = session.send(&request)? else { return Ok(()) };
        let about = Resource::broadcast(&id(&made["name"]), || Ok(registry))?;
        eprintln!("Broadcast `{}`. If this is interrupted, go on with: {}", about.id(), resume(&about));
        drive(session, &about)
    }

    fn body(&self) -> Result<Value> {
        let mut body = json!({ "binaryData": payload::encoded(self.command_data.as_deref(), self.command_file.as_deref())? });
        if let Some(metadata) = &self.metadata {
            body["labels"] = json!(metadata.0);
        }
        if let Some(subfolder) = &self.subfolder {
            body["subfolder"] = subfolder.as_str().into();
        }
        if let Some(ttl) = self.ttl {
            body["ttl"] = ttl.to_json();
        }
        if let Some(per_second) = self.per_second {
            body["perSecond"] = per_second.into();
        }
        Ok(body)
    }
}

fn resume(about: &Resource) -> String {
    format!("drawbridge commands broadcast --resume {} {}", about.id(), about.within())
}

/// Counts for people.
fn told(b: &Value) -> String {
    let counts = [("acknowledged", "acknowledged"), ("delivered", "delivered"), ("queued", "waiting")];
    let others = [("notConnected", "not connected"), ("failed", "failed")];
    let parts = counts.iter().chain(&others).map(|(name, text)| format!("{} {text}", cell(&b[*name])));
    format!("{} devices: {}", cell(&b["matched"]), parts.collect::<Vec<_>>().join(", "))
}

/// Takes steps until there are none left.
fn drive(session: &Session, about: &Resource) -> Result<()> {
    let shows = io::stderr().is_terminal();
    let request = Request::new(Method::POST, about).verb("advance");
    loop {
        let begun = Instant::now();
        let step = session.send(&request).with_context(|| format!("interrupted; go on with: {}", resume(about)))?;
        let Some(now) = step else { return Ok(()) };
        if shows {
            eprint!("\r\x1b[K{}", told(&now));
        }
        if now["done"] == true {
            if shows {
                eprintln!();
            }
            let why = now["lastError"].as_str().map(|e| format!(" The last that failed: {e}.")).unwrap_or_default();
            return session.say(&now, &format!("{}: {}.{why}", cell(&now["state"]), told(&now)));
        }
        thread::sleep(STEP.saturating_sub(begun.elapsed()));
    }
}
