//! `drawbridge commands`: a message to a device that is connected now, or when it is back, or to many devices.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{ArgGroup, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::broadcasts::Broadcast;
use crate::client::Request;
use crate::flags::{OnDevice, Paging};
use crate::payload;
use crate::resource::Resource;
use crate::session::{Session, Verb};
use crate::table::{Column, cell, id, time};
use crate::ttl::Ttl;

/// Taught by `--help`.
pub(crate) const EXAMPLES: &str = "  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry
  drawbridge commands send my-device --command-data reboot
  drawbridge commands send --device my-device --command-file firmware.json --subfolder update
  drawbridge commands send my-device --command-data reboot --ttl 1h
  drawbridge commands list my-device
  drawbridge commands broadcast --command-data reboot --ttl 1h --metadata site=berlin

Without --ttl the command is done when the device has acknowledged it, and a device that is not connected, or not subscribed to
/devices/DEVICE/commands/#, gets none. With --ttl it waits for the device. `commands list` shows what became of it;
`commands describe DEVICE --command ID` and `commands cancel DEVICE --command ID` are about one.";

#[derive(Debug, Subcommand)]
pub(crate) enum Commands {
    /// Send a command.
    #[command(group(ArgGroup::new("payload").required(true).args(["command_data", "command_file"])))]
    Send {
        #[command(flatten)]
        device: OnDevice,
        /// The command itself, at most 64 KiB.
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        command_data: Option<String>,
        /// The file that is the command; `-` is the standard input.
        #[arg(long, value_name = "FILE")]
        command_file: Option<PathBuf>,
        /// The device sees it as the end of the topic.
        #[arg(long, value_name = "SUBFOLDER")]
        subfolder: Option<String>,
        /// How long it may wait for a device that is away, as in 90s, 30m, 1h, 7d; that is the most.
        #[arg(long, value_name = "TIME")]
        ttl: Option<Ttl>,
    },
    /// List the commands sent with --ttl, oldest first.
    List {
        #[command(flatten)]
        device: OnDevice,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one of them.
    Describe {
        #[command(flatten)]
        device: OnDevice,
        /// Which, by id.
        #[arg(long, value_name = "ID")]
        command: String,
    },
    /// Cancel one that waits.
    Cancel {
        #[command(flatten)]
        device: OnDevice,
        /// Which, by id.
        #[arg(long, value_name = "ID")]
        command: String,
    },
    /// Send one command to every device of a registry, or to those with the given metadata.
    Broadcast(Broadcast),
}

const COLUMNS: [Column; 7] = [
    ("ID", |c| id(&c["name"])),
    ("STATE", |c| cell(&c["state"])),
    ("ATTEMPTS", |c| cell(&c["attempts"])),
    ("SUBFOLDER", |c| cell(&c["subfolder"])),
    ("CREATE_TIME", |c| time(&c["createTime"])),
    ("EXPIRE_TIME", |c| time(&c["expireTime"])),
    ("FINISH_TIME", |c| time(&c["finishTime"])),
];

fn command(session: &Session, device: &OnDevice, given: &str) -> Result<Resource> {
    Resource::command(given, || session.on(device))
}

/// What became of a command with `ttl`, for people.
fn became(device: &Resource, command: &Value) -> Result<String> {
    let id = id(&command["name"]);
    Ok(match command["state"].as_str().unwrap_or_default() {
        "ACKNOWLEDGED" => format!("The {device} acknowledged the command `{id}`."),
        "DELIVERED" => format!("The command `{id}` was written to the connection of {device}; at QoS 0 no more can be known."),
        "FAILED" => bail!("the {device} refused the command `{id}`"),
        _ => format!(
            "The command `{id}` waits for {device} until {}. What becomes of it: {}",
            time(&command["expireTime"]),
            device.list_commands()
        ),
    })
}

/// Sends a command that may wait.
fn send_waiting(session: &Session, about: &Resource, request: &Request) -> Result<()> {
    let Some(command) = session.send(request)? else { return Ok(()) };
    let text = became(about, &command)?;
    session.say(&command, &text)
}

impl Verb for Commands {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Send { device, command_data, command_file, subfolder, ttl } => {
                let about = session.on(&device)?;
                let mut body = json!({ "binaryData": payload::encoded(command_data.as_deref(), command_file.as_deref())? });
                if let Some(subfolder) = subfolder {
                    body["subfolder"] = subfolder.into();
                }
                if let Some(ttl) = ttl {
                    body["ttl"] = ttl.to_json();
                }
                let waits = body.get("ttl").is_some();
                let request = Request::new(Method::POST, &about).verb("sendCommandToDevice").body(body);
                if waits {
                    return send_waiting(session, &about, &request);
                }
                session.change(&request, |_| format!("The {about} has the command: it acknowledged it, or subscribed at QoS 0."))
            }
            Self::List { device, paging } => {
                let about = session.on(&device)?;
                let none = format!("The {about} was sent no command with --ttl in the last 7 days.");
                session.list(&Request::get(&about).below("commands"), "commands", &paging, &COLUMNS, &none)
            }
            Self::Describe { device, command: given } => session.describe(&Request::get(&command(session, &device, &given)?)),
            Self::Cancel { device, command: given } => {
                let about = command(session, &device, &given)?;
                session.change(&Request::new(Method::DELETE, &about), |_| format!("Cancelled the {about}."))
            }
            Self::Broadcast(broadcast) => broadcast.run(session),
        }
    }
}
